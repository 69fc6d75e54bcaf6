/**
 * One authentication exchange. Bring your own by giving an object with `create`, called once for every connection.
 */
export interface SaslExchange {
  /**
   * @param challenge the server's last token; null on the first call
   * @returns the next token to send, or null for none
   */
  step(challenge: Buffer | null): Promise<Uint8Array | null> | Uint8Array | null;
  /** Whether this side has nothing more to ask of the server. */
  readonly complete: boolean;
}
