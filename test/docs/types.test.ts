import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { blocksOf, pages, root, type Example } from './code-blocks.ts';

test('the TypeScript in README and docs is correct, with nothing given but a client and a server', () => {
  const files = new Map(
    pages()
      .flatMap(blocksOf)
      .filter(({ code }) => !/\brequire\(/.test(code))
      .map((example, index): [string, Example] => [join(root, 'test/docs', `block-${index}.ts`), example]),
  );
  const program = ts.createProgram([...files.keys()], OPTIONS, hostWith(files));
  const errors = [...files].flatMap(([name, { place }]) => {
    const source = program.getSourceFile(name)!;
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      (error) => `${place}: ${ts.flattenDiagnosticMessageText(error.messageText, '\n')}`,
    );
  });
  expect(errors).toEqual([]);
}, 120_000);

const OPTIONS: ts.CompilerOptions = {
  ...ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)).config,
    ts.sys,
    root,
  ).options,
  noEmit: true,
  noUnusedLocals: false,
  noUnusedParameters: false,
  skipLibCheck: true,
  paths: { kazoo: [join(root, 'src/index.ts')], 'kazoo/testing': [join(root, 'src/testing.ts')] },
};

/** A compiler host that has the blocks as files beside the real ones. */
function hostWith(files: ReadonlyMap<string, Example>): ts.CompilerHost {
  const host = ts.createCompilerHost(OPTIONS);
  return {
    ...host,
    fileExists: (name) => files.has(name) || host.fileExists(name),
    readFile: (name) => (files.has(name) ? moduleOf(files.get(name)!) : host.readFile(name)),
    getSourceFile: (name, version, ...rest) =>
      files.has(name)
        ? ts.createSourceFile(name, moduleOf(files.get(name)!), version, true)
        : host.getSourceFile(name, version, ...rest),
  };
}

/** On one line, so that line numbers stay. */
function moduleOf({ code }: Example): string {
  const given = { client: "import('kazoo').KazooClient", server: "import('kazoo/testing').EmbeddedZooKeeper" };
  const declared = Object.entries(given)
    .filter(([name]) => !new RegExp(`\\b(const|let|using) ${name}\\b`).test(code))
    .map(([name, type]) => `declare const ${name}: ${type};`);
  return `${declared.join(' ')} export {}; ${code}`;
}
