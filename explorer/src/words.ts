// The page's own words, in English or in Portuguese as the browser prefers. GraphiQL and the schema speak English.
import portuguese from '../portuguese.json';

type Text = keyof typeof portuguese.texts;
type Values = Record<string, string | number>;

const preferred = navigator.languages.find((tag) => /^(en|pt)\b/i.test(tag)) ?? 'en';
export const language = /^pt/i.test(preferred) ? 'pt-BR' : 'en';
const isPortuguese = language === 'pt-BR';

/** The text in the reader's language, with the values in the places of their names in braces. */
export function say(text: Text, values: Values = {}): string {
  const chosen = isPortuguese ? portuguese.texts[text] : text;
  return chosen.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** The same for a text of variables.json or of a page, whose words the type does not know. */
export function sayIfKnown(text: string): string {
  return text in portuguese.texts ? say(text as Text) : text;
}

/** What an operation is called: CheckEligibility -> Check eligibility. */
export function nameOf(operation: string): string {
  const translated = isPortuguese && (portuguese.operations as Record<string, string>)[operation];
  if (translated) return translated;
  const spaced = operation.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** A role by the name that tokens have for it, and in Portuguese also in words. */
export function roleOf(role: string): string {
  const translated = isPortuguese && (portuguese.roles as Record<string, string>)[role];
  return translated ? `${role} · ${translated}` : role;
}
