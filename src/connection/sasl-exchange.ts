/**
 * One authentication exchange. To bring your own, pass an object with `create`, which is called once for every connection.
 */
export interface SaslExchange {
  /**
   * @param challenge the server's last token; null on the first call
   * @returns the next token to send, or null for none
   */
  step(challenge: Buffer | null): Promise<Uint8Array | null> | Uint8Array | null;
  /** Whether this side needs nothing more from the server. */
  readonly complete: boolean;
}
