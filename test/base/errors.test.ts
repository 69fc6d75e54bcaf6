import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';
import * as errors from '../../src/base/errors.ts';

/** Kazoo's registry (its API, 5.2): every code, and the class it stands for. */
const REGISTRY: readonly [code: number, name: keyof typeof errors][] = [
  [0, 'RolledBackError'],
  [-1, 'SystemZookeeperError'],
  [-2, 'RuntimeInconsistency'],
  [-3, 'DataInconsistency'],
  [-4, 'ConnectionLoss'],
  [-5, 'MarshallingError'],
  [-6, 'UnimplementedError'],
  [-7, 'OperationTimeoutError'],
  [-8, 'BadArgumentsError'],
  [-12, 'UnknownSessionError'],
  [-13, 'NewConfigNoQuorumError'],
  [-14, 'ReconfigInProcessError'],
  [-100, 'APIError'],
  [-101, 'NoNodeError'],
  [-102, 'NoAuthError'],
  [-103, 'BadVersionError'],
  [-108, 'NoChildrenForEphemeralsError'],
  [-110, 'NodeExistsError'],
  [-111, 'NotEmptyError'],
  [-112, 'SessionExpiredError'],
  [-113, 'InvalidCallbackError'],
  [-114, 'InvalidACLError'],
  [-115, 'AuthFailedError'],
  [-118, 'SessionMovedError'],
  [-119, 'NotReadOnlyCallError'],
  [-120, 'EphemeralOnLocalSessionError'],
  [-121, 'NoWatcherError'],
  [-122, 'RequestTimeoutError'],
  [-123, 'ReconfigDisabledError'],
  [-124, 'SessionClosedRequireSaslError'],
  [-125, 'QuotaExceededError'],
  [-127, 'ThrottledOpError'],
];

describe('errors of the server', () => {
  test.each(REGISTRY)('code %i is a %s', (code, name) => {
    const error = errors.errorForCode(code, { operation: 'get', path: '/a' });
    expect(error).toBeInstanceOf(errors[name]);
    expect(error).toBeInstanceOf(errors.ZookeeperError);
    expect(error).toBeInstanceOf(errors.KazooException);
    expect(error).toMatchObject({ name, code, path: '/a', operation: 'get' });
    expect(error.message).toMatch(new RegExp(`^get /a: .+ \\(code ${code}\\)$`));
  });

  test('no code is missing from the registry, and none is made up', () => {
    expect([...errors.EXCEPTIONS.keys()].sort((a, b) => b - a)).toEqual(REGISTRY.map(([code]) => code));
  });

  test.each([-9, -99, -126, -128, -9999, 5, 2 ** 31 - 1])('the unknown code %i is a plain ZookeeperError', (code) => {
    const error = errors.errorForCode(code, { operation: 'get', path: '/a' });
    expect(error.constructor).toBe(errors.ZookeeperError);
    expect(error).toMatchObject({ name: 'ZookeeperError', code, path: '/a', operation: 'get' });
    expect(error.message).toContain(String(code));
  });

  test('an error without a context has neither path nor operation nor cause', () => {
    const error = errors.errorForCode(-101);
    expect(Object.keys(error).sort()).toEqual(['code', 'name']);
    expect('cause' in error).toBe(false);
  });

  test('made by hand, an error has its own code, and keeps message and cause', () => {
    const cause = new Error('why');
    expect(new errors.NoNodeError('gone', { path: '/a', cause })).toMatchObject({
      code: -101,
      message: 'gone',
      path: '/a',
      cause,
    });
    expect(new errors.ZookeeperError()).toMatchObject({ code: 0 });
  });

  test("a closed client's error is an expired session by inheritance, with its code, and not in the registry", () => {
    const error = new errors.ConnectionClosedError();
    expect(error).toBeInstanceOf(errors.SessionExpiredError);
    expect(error).toMatchObject({ name: 'ConnectionClosedError', code: -112 });
    expect(errors.errorForCode(-112)).not.toBeInstanceOf(errors.ConnectionClosedError);
  });
});

describe('errors of this side', () => {
  test.each(['CancelledError', 'ConfigurationError', 'ConnectionDropped', 'LockTimeout', 'SASLException'] as const)(
    '%s is a KazooException and no ZookeeperError',
    (name) => {
      const error = new errors[name]('text', { cause: 1 });
      expect(error).toBeInstanceOf(errors.KazooException);
      expect(error).not.toBeInstanceOf(errors.ZookeeperError);
      expect(error).toMatchObject({ name, message: 'text', cause: 1 });
    },
  );

  test('a KazooTimeoutError says what happened with each server, and is one of ours (Kazoo D-31)', () => {
    const cause = new Error('connect ECONNREFUSED');
    const error = new errors.KazooTimeoutError('no session within 5 ms', [
      { host: 'a', port: 1, address: '10.0.0.1', cause },
      { host: 'b', port: 2, address: null, cause: new Error('ENOTFOUND') },
    ]);
    expect(error.message).toBe('no session within 5 ms\n  a:1 (10.0.0.1): connect ECONNREFUSED\n  b:2 (not resolved): ENOTFOUND');
    expect((error.cause as AggregateError).errors.map(({ cause: inner }: Error) => (inner as Error).message)).toEqual([
      'connect ECONNREFUSED',
      'ENOTFOUND',
    ]);
    expect(error.failures).toHaveLength(2);
    expect(error).toBeInstanceOf(errors.KazooException);
  });

  test('a KazooTimeoutError with nothing tried has no cause', () => {
    expect(new errors.KazooTimeoutError('none')).toMatchObject({ message: 'none', failures: [] });
    expect('cause' in new errors.KazooTimeoutError('none')).toBe(false);
  });

  test('the empty path, which is the root, is told as such', () => {
    for (const error of [
      errors.errorForCode(-110, { operation: 'create', path: '' }),
      errors.errorForCode(-9999, { operation: 'create', path: '' }),
      new errors.NodeExistsError(undefined, { operation: 'create', path: '' }),
    ]) {
      expect(error.message).toMatch(/^create \/: /);
      expect(error.path).toBe('/');
    }
    const cause = errors.errorForCode(-110, { operation: 'transaction create', path: '' });
    expect(new errors.TransactionError(0, { type: 'create', path: '' }, [cause], cause).path).toBe('/');
  });

  test('a TransactionError names the culprit', () => {
    const cause = errors.errorForCode(-103, { path: '/a' });
    const error = new errors.TransactionError(1, { type: 'setData', path: '/a' }, [true, cause], cause);
    expect(error).toMatchObject({
      index: 1,
      op: { type: 'setData', path: '/a' },
      path: '/a',
      code: -103,
      cause,
      name: 'TransactionError',
    });
    expect(error.results).toEqual([true, cause]);
  });
});

test('keep their names where an application is bundled with short ones', async () => {
  const contents = `export * from './errors.ts'; export { RetryFailedError, InterruptedError } from './retry.ts';`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL('../../src/base', import.meta.url).pathname },
    bundle: true,
    format: 'esm',
    platform: 'node',
    minify: true,
    write: false,
  });
  const bundled = (await import(`data:text/javascript,${encodeURIComponent(outputFiles[0]!.text)}`)) as Record<string, unknown>;
  const classes = Object.entries(bundled).filter(([, type]) => typeof type === 'function' && type.prototype instanceof Error);
  expect(classes.length).toBeGreaterThan(REGISTRY.length);
  expect(classes.map(([, type]) => (type as { name: string }).name)).toEqual(classes.map(([name]) => name));
});
