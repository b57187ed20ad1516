// One-time codes and recovery codes as people type and paste them.

export const CODE_DIGITS = 6;

/** The digits of what was typed or pasted ("123 456", "１２３４５６"), at most six. */
export function codeDigits(typed: string): string {
  return typed.normalize("NFKC").replace(/\D/g, "").slice(0, CODE_DIGITS);
}

/** The secret in groups of four, to be typed from the screen. */
export function spacedSecret(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(" ") ?? "";
}

/** What is saved as a file of recovery codes. */
export function recoveryFile(title: string, account: string, codes: readonly string[]): string {
  return [`${title}: ${account}`, "", ...codes, ""].join("\n");
}
