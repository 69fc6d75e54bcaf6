import type { AnyField, Field } from './fields.ts';
import { multiHeader, type MultiHeader } from './records.ts';
import { DecodeError, type Reader } from './reader.ts';

/** A row allowed inside a multi or a multiRead, and the form of its result there. */
export interface PartRow {
  readonly code: number;
  readonly request: AnyField;
  readonly result: { readonly code: number; readonly body: AnyField };
}

type RequestOf<R> = R extends { request: Field<infer T> } ? T : never;

/** One operation of a multi: its row's name and its request. */
export type Part<Rows> = { [K in keyof Rows & string]: { readonly op: K; readonly request: RequestOf<Rows[K]> } }[keyof Rows &
  string];

/** One result: the wire's type and error code, and the body if it succeeded. */
export interface PartResult {
  readonly type: number;
  readonly err: number;
  readonly body: unknown;
}

const END = -1;
/** The type of a result that is an error. */
export const FAILED = -1;

/** Operations, each behind a header, and a header that says "done" (docs/protocol.md, "Transactions"). */
export function multiRequest<const Rows extends Readonly<Record<string, PartRow>>>(rows: Rows): Field<readonly Part<Rows>[]> {
  const byCode = new Map(Object.entries(rows).map(([op, row]) => [row.code, { op, row: row as unknown as LooseRow }]));
  return {
    least: 9,
    write(writer, parts) {
      for (const { op, request } of parts) {
        const row = rows[op] as unknown as LooseRow;
        multiHeader.write(writer, { type: row.code, done: false, err: -1 });
        row.request.write(writer, request);
      }
      multiHeader.write(writer, { type: END, done: true, err: -1 });
    },
    read(reader) {
      const parts: { op: string; request: unknown }[] = [];
      eachUntilDone(reader, ({ type }) => {
        const known = byCode.get(type);
        if (known === undefined) throw new DecodeError(`operation ${type} is not allowed in this multi`);
        parts.push({ op: known.op, request: known.row.request.read(reader) });
      });
      return parts as unknown as readonly Part<Rows>[];
    },
  };
}

/** A result for each operation; a failed one has type -1 and its code, twice. */
export function multiResponse<const Rows extends Readonly<Record<string, PartRow>>>(rows: Rows): Field<readonly PartResult[]> {
  const bodies = new Map(Object.values(rows).map(({ result }) => [result.code, result.body as unknown as Field<unknown>]));
  return {
    least: 9,
    write(writer, results) {
      for (const { type, err, body } of results) {
        multiHeader.write(writer, { type, done: false, err });
        if (type === FAILED) writer.int(err);
        else bodies.get(type)!.write(writer, body);
      }
      multiHeader.write(writer, { type: END, done: true, err: -1 });
    },
    read(reader) {
      const results: PartResult[] = [];
      eachUntilDone(reader, ({ type }) => results.push(readResult(reader, type, bodies)));
      return results;
    },
  };
}

type LooseRow = { readonly code: number; readonly request: Field<unknown> };

function readResult(reader: Reader, type: number, bodies: ReadonlyMap<number, Field<unknown>>): PartResult {
  if (type === FAILED) return { type, err: reader.int(), body: undefined };
  const body = bodies.get(type);
  if (body === undefined) throw new DecodeError(`a multi's result has the unknown type ${type}`);
  return { type, err: 0, body: body.read(reader) };
}

function eachUntilDone(reader: Reader, visit: (header: MultiHeader) => void): void {
  for (;;) {
    const header = multiHeader.read(reader);
    if (header.done) return;
    visit(header);
  }
}
