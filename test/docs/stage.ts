import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import ts from 'typescript';
import * as kazoo from '../../src/index.ts';
import * as testing from '../../src/testing.ts';

export interface Given {
  readonly furnish?: (client: kazoo.KazooClient) => Promise<unknown>;
  readonly names?: Readonly<Record<string, unknown>>;
}

interface Hooks {
  readonly tests: { readonly name: string; readonly body: () => unknown }[];
  readonly before: (() => unknown)[];
  readonly after: (() => unknown)[];
}

const nodeRequire = createRequire(import.meta.url);

/**
 * Runs one example from the documentation, on a server of its own. Whatever it makes is ended afterwards. An example may count on:
 * `server`, and a started `client`; every export of both entry points; the functions of `STAND_INS`, which stand for the reader's own code.
 *
 * @param given what the example takes for granted besides: nodes, and names
 */
export async function runExample(code: string, given: Given = {}): Promise<void> {
  const stage = new Stage();
  try {
    await stage.run(code, given);
  } finally {
    await stage.clear();
  }
}

/** The reader's own functions and values, by the names that examples use. */
const STAND_INS = {
  applyConfig: () => undefined,
  cleanUp: () => Promise.resolve(),
  compute: () => Promise.resolve(),
  lead: () => Promise.resolve(),
  process: Object.assign(() => Promise.resolve(true), { env: {} }),
  readAll: () => Promise.resolve(),
  rewriteAll: () => Promise.resolve(),
  run: () => Promise.resolve(),
  work: () => Promise.resolve(),
  workOn: () => Promise.resolve(),
  writeReport: () => Promise.resolve(),
};

class Stage {
  readonly #clients = new Set<kazoo.KazooClient>();
  readonly #servers = new Set<testing.EmbeddedZooKeeper>();
  readonly #hooks: Hooks = { tests: [], before: [], after: [] };

  async run(code: string, given: Given): Promise<void> {
    const server = await this.#startServer();
    const modules = this.#modules();
    const client = await new modules.kazoo.KazooClient(server.connectString).start();
    await given.furnish?.(client);
    const scope: Record<string, unknown> = {
      ...given.names,
      ...modules.kazoo,
      ...modules.testing,
      ...STAND_INS,
      client,
      server,
      hosts: server.connectString,
      console: { log: () => undefined, error: () => undefined, warn: () => undefined },
      exports: {},
      require: (name: string) => this.#require(name, modules),
    };
    const local = code.replaceAll('127.0.0.1:2181', server.connectString);
    const body = `return (async () => {{\n${transpile(local)}\n}})();`;
    const run = compileFunction(body, Object.keys(scope)) as (...values: unknown[]) => Promise<void>;
    await run(...Object.values(scope));
    await this.#runTests();
  }

  async clear(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.stop()));
    await Promise.all([...this.#servers].map((server) => server.close()));
  }

  #modules() {
    const clients = this.#clients;
    class KazooClient extends kazoo.KazooClient {
      constructor(options?: string | kazoo.KazooClientOptions) {
        super(options);
        clients.add(this);
      }
    }
    const EmbeddedZooKeeper = { start: (options?: testing.EmbeddedZooKeeperOptions) => this.#startServer(options) };
    return { kazoo: { ...kazoo, KazooClient }, testing: { ...testing, EmbeddedZooKeeper } };
  }

  async #startServer(options?: testing.EmbeddedZooKeeperOptions): Promise<testing.EmbeddedZooKeeper> {
    const server = await testing.EmbeddedZooKeeper.start(options);
    this.#servers.add(server);
    return server;
  }

  #require(name: string, modules: { kazoo: object; testing: object }): unknown {
    if (name === 'kazoo') return modules.kazoo;
    if (name === 'kazoo/testing') return modules.testing;
    if (name === 'vitest' || name === 'node:test' || name === '@jest/globals') return this.#runner();
    return nodeRequire(name);
  }

  /** As much of a test runner as an example needs. */
  #runner(): object {
    const { tests, before, after } = this.#hooks;
    const test = (name: string, body: () => unknown): void => void tests.push({ name, body });
    const onTestFinished = (hook: () => unknown): void => void after.push(hook);
    const beforeEach = (hook: () => unknown): void => void before.push(hook);
    const afterEach = (hook: () => unknown): void => void after.push(hook);
    return { test, it: test, beforeEach, afterEach, onTestFinished, expect: nodeExpect };
  }

  async #runTests(): Promise<void> {
    const { tests, before, after } = this.#hooks;
    for (const { body } of tests) {
      for (const hook of before) await hook();
      await body();
      for (const hook of after.splice(0).reverse()) await hook();
    }
  }
}

function nodeExpect(actual: unknown): { toBe(expected: unknown): void } {
  return {
    toBe: (expected) => {
      if (!Object.is(actual, expected)) throw new Error(`expected ${String(expected)}, got ${String(actual)}`);
    },
  };
}

/** To what runs inside an async function on the oldest Node: imports become calls of `require`, `await using` is spelled out. */
function transpile(code: string): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(code, {
    reportDiagnostics: true,
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      esModuleInterop: true,
      moduleDetection: ts.ModuleDetectionKind.Force,
    },
  });
  const [first] = diagnostics;
  if (first !== undefined) throw new SyntaxError(ts.flattenDiagnosticMessageText(first.messageText, '\n'));
  return outputText;
}

/** Throws where the code is not even TypeScript. */
export function checkSyntax(code: string): void {
  transpile(code);
}
