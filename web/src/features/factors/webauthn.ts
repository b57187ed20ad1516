// Passkeys: what the portal sends and takes as JSON, and the browser as bytes.
// W3C Web Authentication, Level 3: 5.1.9 and 5.1.10 (options from JSON), 5.1.8 (responses as JSON).

type Json = Record<string, unknown>;

export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === "function" && "credentials" in navigator;
}

/** Signs a challenge with a passkey; null where the person gave it up, or the device has none that fits. */
export async function signWithPasskey(options: unknown): Promise<Json | null> {
  const publicKey = requestOptions(publicKeyOf(options));
  const found = await unlessGivenUp(navigator.credentials.get({ publicKey }));
  if (!(found instanceof PublicKeyCredential)) return null;
  const answer = found.response as AuthenticatorAssertionResponse;
  return asJson(found, {
    clientDataJSON: encode(answer.clientDataJSON),
    authenticatorData: encode(answer.authenticatorData),
    signature: encode(answer.signature),
    userHandle: answer.userHandle ? encode(answer.userHandle) : null,
  });
}

/** Makes a passkey; null where the person gave it up. */
export async function makePasskey(options: unknown): Promise<Json | null> {
  const publicKey = creationOptions(publicKeyOf(options));
  const made = await unlessGivenUp(navigator.credentials.create({ publicKey }));
  if (!(made instanceof PublicKeyCredential)) return null;
  const answer = made.response as AuthenticatorAttestationResponse;
  return asJson(made, {
    clientDataJSON: encode(answer.clientDataJSON),
    attestationObject: encode(answer.attestationObject),
    transports: answer.getTransports?.() ?? [],
  });
}

export function requestOptions(options: Json): PublicKeyCredentialRequestOptions {
  return { ...options, challenge: decode(options["challenge"]), allowCredentials: descriptors(options["allowCredentials"]) };
}

export function creationOptions(options: Json): PublicKeyCredentialCreationOptions {
  const user = options["user"] as Json;
  return {
    ...(options as unknown as PublicKeyCredentialCreationOptions),
    challenge: decode(options["challenge"]),
    user: { ...(user as unknown as PublicKeyCredentialUserEntity), id: decode(user["id"]) },
    excludeCredentials: descriptors(options["excludeCredentials"]),
  };
}

/** Base64url without padding, as RFC 4648, 5. */
export function encode(bytes: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function decode(text: unknown): ArrayBuffer {
  const plain = atob(String(text).replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0)).buffer;
}

function publicKeyOf(options: unknown): Json {
  return (options as { publicKey: Json }).publicKey;
}

function descriptors(given: unknown): PublicKeyCredentialDescriptor[] {
  if (!Array.isArray(given)) return [];
  return (given as Json[]).map((one) => ({ ...(one as unknown as PublicKeyCredentialDescriptor), id: decode(one["id"]) }));
}

function asJson(credential: PublicKeyCredential, response: Json): Json {
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    response,
    authenticatorAttachment: credential.authenticatorAttachment,
    extensions: credential.getClientExtensionResults(),
  };
}

/** Browsers don't tell "cancelled" from "none fits": both are `NotAllowedError`. */
async function unlessGivenUp(asked: Promise<Credential | null>): Promise<Credential | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError")) return null;
    throw error;
  }
}
