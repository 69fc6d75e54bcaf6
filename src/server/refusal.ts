/** The error codes that this server sends. */
export const Code = {
  RUNTIME_INCONSISTENCY: -2,
  MARSHALLING: -5,
  UNIMPLEMENTED: -6,
  BAD_ARGUMENTS: -8,
  NO_NODE: -101,
  NO_AUTH: -102,
  BAD_VERSION: -103,
  NO_CHILDREN_FOR_EPHEMERALS: -108,
  NODE_EXISTS: -110,
  NOT_EMPTY: -111,
  INVALID_ACL: -114,
  AUTH_FAILED: -115,
  NOT_READ_ONLY: -119,
  NO_WATCHER: -121,
  RECONFIG_DISABLED: -123,
  SASL_REQUIRED: -124,
  QUOTA_EXCEEDED: -125,
} as const;

/** Ends a request with an error code and no body. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`refused with code ${code}`);
    this.name = 'Refusal';
    this.code = code;
  }
}

const refusals = new Map<number, Refusal>();

/** One shared refusal per code: a missing node is a common answer, not worth a stack trace each time. */
export function refusal(code: number): Refusal {
  const known = refusals.get(code);
  if (known !== undefined) return known;
  const made = new Refusal(code);
  refusals.set(code, made);
  return made;
}
