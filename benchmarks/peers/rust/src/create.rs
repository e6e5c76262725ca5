//! createClaim without duties: the patient of the card, the terms of the codes, the claim and its items in one transaction.
use std::collections::HashMap;

use async_graphql::Error;
use chrono::Utc;
use mysql_async::prelude::Queryable;
use mysql_async::{Params, TxOpts, Value, params};

use crate::database::{Database, marks};
use crate::schema::{Claim, ClaimInput};
use crate::values::{DateTime, Money, new_id};

const TERM_LENGTH: usize = 150;

pub async fn claim(database: &Database, given: ClaimInput) -> Result<Claim, Error> {
    let mut transaction = database.pool.start_transaction(TxOpts::default()).await?;
    let card = (&given.payer_ans_code, &given.card_number);
    let coverage = "SELECT patient_id FROM coverages WHERE payer_ans = ? AND card_number = ?";
    let patient: Option<String> = transaction.exec_first(coverage, card).await?;
    let patient = patient.ok_or_else(|| Error::new("no patient has this card"))?;
    let (sql, values) = terms_of(&given);
    let found: Vec<(String, String, String)> = transaction.exec(sql, values).await?;
    let terms = found
        .into_iter()
        .map(|(system, code, term)| ((system, code), term))
        .collect();
    let id = new_id("clm");
    let created = Utc::now();
    let (items, claimed) = item_values(&given, &id, &terms)?;
    transaction
        .exec_drop(
            "INSERT INTO claims (id, type, status, provider_cnes, payer_ans, patient_id, provider_claim_number, card_number,
            service_date, diagnosis_codes, claimed_cents, version, created_by, created_at) VALUES (:id, :type, 'DRAFT',
            :provider, :payer, :patient, :number, :card, :day, '', :claimed, 1, 'benchmark', :created)",
            params! {
                "id" => &id, "type" => &given.r#type, "provider" => &given.provider_cnes, "payer" => &given.payer_ans_code,
                "patient" => patient, "number" => &given.provider_claim_number, "card" => &given.card_number,
                "day" => &given.service_date.0, "claimed" => claimed,
                "created" => created.format("%F %T%.6f").to_string(),
            },
        )
        .await?;
    let rows = vec![format!("({})", marks(ITEM_COLUMNS.len())); given.items.len()].join(", ");
    let insert = format!(
        "INSERT INTO claim_items ({}) VALUES {rows}",
        ITEM_COLUMNS.join(", ")
    );
    transaction
        .exec_drop(insert, Params::Positional(items))
        .await?;
    transaction.commit().await?;
    Ok(Claim {
        id: id.into(),
        r#type: given.r#type,
        status: "DRAFT".into(),
        provider_claim_number: given.provider_claim_number,
        created_at: DateTime(created.format("%FT%T%.6fZ").to_string()),
        service_date: given.service_date,
        claimed_amount: Some(Money(claimed)),
        approved_amount: None,
        denied_amount: None,
    })
}

fn terms_of(given: &ClaimInput) -> (String, Params) {
    let pairs = vec!["(?, ?)"; given.items.len()].join(", ");
    let values = given
        .items
        .iter()
        .flat_map(|item| [Value::from(&item.code_system), Value::from(&item.code)]);
    let sql = format!(
        "SELECT code_system, code, term FROM tuss_terms WHERE (code_system, code) IN ({pairs})"
    );
    (sql, Params::Positional(values.collect()))
}

const ITEM_COLUMNS: [&str; 11] = [
    "id",
    "claim_id",
    "sequence",
    "code_system",
    "code",
    "description",
    "performed_on",
    "quantity",
    "unit_price_cents",
    "factor",
    "total_cents",
];

/// The values of the items' rows in one list, and the sum of their amounts in cents.
fn item_values(
    given: &ClaimInput,
    claim: &str,
    terms: &HashMap<(String, String), String>,
) -> Result<(Vec<Value>, i64), Error> {
    let mut values = Vec::with_capacity(given.items.len() * ITEM_COLUMNS.len());
    let mut sum = 0;
    for (place, item) in given.items.iter().enumerate() {
        let key = (item.code_system.clone(), item.code.clone());
        let term = terms.get(&key).ok_or_else(|| Error::new("no such code"))?;
        let total = (item.quantity.0 * item.unit_price.0 + 5_000) / 10_000;
        sum += total;
        values.extend([
            Value::from(new_id("itm")),
            Value::from(claim),
            Value::from(place + 1),
            Value::from(&item.code_system),
            Value::from(&item.code),
            Value::from(term.chars().take(TERM_LENGTH).collect::<String>()),
            Value::from(&given.service_date.0),
            Value::from(item.quantity.0),
            Value::from(item.unit_price.0),
            Value::from(100),
            Value::from(total),
        ]);
    }
    Ok((values, sum))
}
