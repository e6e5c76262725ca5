// The tabs of a new page.
import type { GraphiQLProps } from 'graphiql';

import { say } from './words';

const claims = `# ${say('Say above who you are, then press Ctrl+Enter here.')}
query Claims {
  claims(first: 5) {
    totalCount
    nodes {
      id
      status
      serviceDate
      claimedAmount
      payer {
        name
      }
    }
  }
}
`;

const eligibility = `# ${say('Is this card covered today? Fill in Variables, below.')}
mutation CheckEligibility($input: CheckEligibilityInput!) {
  checkEligibility(input: $input) {
    eligibility {
      outcome
      source
      plan
      reasons {
        code
        description
      }
    }
    errors {
      code
      message
      field
    }
  }
}
`;

const settlements = `# ${say('Stays open; each settlement replaces the last one.')}
subscription WatchSettlements {
  settlementRecorded {
    cursor
    settlement {
      id
      paidOn
      method
      amount
      reverses {
        id
      }
      invoice {
        number
        status
        dueAmount
      }
    }
  }
}
`;

const question = {
  input: { providerCnes: '1234567', payerAnsCode: '123456', cardNumber: '12345', forceRefresh: false },
};

// The first tab has no variables: GraphiQL 5.4 shows the variables of a tab only after switching to it.
export const exampleTabs: NonNullable<GraphiQLProps['defaultTabs']> = [
  { query: claims },
  { query: eligibility, variables: JSON.stringify(question, null, 2) },
  { query: settlements },
];
