/** A scheme and a credential in the form the scheme requires. */
export interface Credential {
  readonly scheme: string;
  readonly auth: Buffer;
}

/** The credentials presented on every connection, in the order given. */
export class Credentials {
  #accepted: Credential[] = [];

  get all(): readonly Credential[] {
    return this.#accepted;
  }

  add(credential: Credential): void {
    if (!this.#accepted.some((other) => isSame(other, credential))) this.#accepted.push(credential);
  }

  /** Removes a refused one: it would be refused again on every connection (Kazoo D-9). */
  remove(credential: Credential): void {
    this.#accepted = this.#accepted.filter((other) => !isSame(other, credential));
  }
}

function isSame(a: Credential, b: Credential): boolean {
  return a.scheme === b.scheme && a.auth.equals(b.auth);
}
