import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Folder, or file at the top of src, to rank: a file imports its own folder and lower ranks only. */
const RANKS: Readonly<Record<string, number>> = {
  base: 0,
  codec: 1,
  connection: 2,
  server: 2,
  session: 3,
  client: 4,
  recipe: 5,
  'kazoo-client.ts': 6,
  harness: 7,
  'index.ts': 8,
  'testing.ts': 8,
  'cli.ts': 8,
  'quickstart.ts': 8,
  'connection-worker.ts': 8,
};
const ENTRY = 8;
/** What a folder may import, where that is less than its rank allows. */
const ONLY: Readonly<Record<string, readonly string[]>> = { server: ['base', 'codec'] };
const BANNED_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'types', 'misc', 'shared'];
const MOST_LINES = 400;
const MOST_LINES_OF_A_FUNCTION = 40;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/'))
  .sort();
const sources = new Map(
  files.map((file) => [file, ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.ES2022, true)]),
);

describe('the architecture', () => {
  test('every file has a place in the layers', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => RANKS[layerOf(file)] === undefined)).toEqual([]);
  });

  test('imports stay within the folder or go down', () => {
    const wrong = eachImport(({ from, to }) => {
      const [own, other] = [layerOf(from), layerOf(to)];
      // The entry points are one layer: the quickstart uses the package as its users do.
      if (own === other || (RANKS[own] === ENTRY && RANKS[other] === ENTRY)) return true;
      return RANKS[other]! < RANKS[own]! && (ONLY[own]?.includes(other) ?? true);
    });
    expect(wrong).toEqual([]);
  });

  test('every import of ours names a file that is there, with its extension', () => {
    expect(eachImport(({ to }) => sources.has(to))).toEqual([]);
  });

  test('no files import each other in a circle, types included', () => {
    expect(findCycle()).toBeNull();
  });

  test('no folder has a barrel', () => {
    expect(files.filter((file) => file.endsWith('/index.ts'))).toEqual([]);
  });

  test('names are kebab-case and say something', () => {
    const names = files.map((file) => file.split('/').at(-1)!.slice(0, -3));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
    expect(names.filter((name) => BANNED_NAMES.includes(name))).toEqual([]);
  });

  test('a file fits in 400 lines of code', () => {
    const long = files.map((file) => [file, codeLines(sources.get(file)!)] as const).filter(([, lines]) => lines > MOST_LINES);
    expect(long).toEqual([]);
  });

  test('a function fits on a screen', () => {
    const all = [...sources.values()].flatMap((source) => functionsOf(source));
    expect(all.filter(({ lines }) => lines > MOST_LINES_OF_A_FUNCTION).map(({ name, lines }) => `${name}: ${lines}`)).toEqual([]);
    const sorted = all.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(10);
  });

  test('only the two run-time dependencies, Node and the optional kerberos are imported', () => {
    const foreign = new Set(
      [...sources.values()]
        .flatMap((source) => specifiersOf(source))
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:')),
    );
    expect([...foreign].filter((name) => !['eventemitter3', 'debug', 'kerberos'].includes(name))).toEqual([]);
  });

  test('base and codec do no input or output', () => {
    const wrong = files
      .filter((file) => ['base', 'codec'].includes(layerOf(file)))
      .flatMap((file) => specifiersOf(sources.get(file)!).map((name) => `${file} imports ${name}`))
      .filter((line) => /node:(net|tls|dns|fs|http|child_process|worker_threads)/.test(line));
    expect(wrong).toEqual([]);
  });
});

interface Import {
  readonly from: string;
  readonly to: string;
}

function layerOf(file: string): string {
  return file.split('/')[0]!;
}

/** The imports of ours that do not pass, for the message of a failure. */
function eachImport(passes: (edge: Import) => boolean): string[] {
  return files.flatMap((from) =>
    importsOf(from)
      .filter((to) => !passes({ from, to }))
      .map((to) => `${from} imports ${to}`),
  );
}

function importsOf(file: string): string[] {
  return specifiersOf(sources.get(file)!)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative('.', normalize(join(dirname(file), name))).replaceAll('\\', '/'));
}

/** Everything named in an import, an export from, a dynamic import or an import type. */
function specifiersOf(source: ts.SourceFile): string[] {
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    const named = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
    const called = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0];
    const typed = ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && node.argument.literal;
    for (const found of [named, called, typed])
      if (found !== false && found !== undefined && ts.isStringLiteral(found)) names.push(found.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function findCycle(): string | null {
  const done = new Set<string>();
  const walk = (file: string, trail: string[]): string | null => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file].join(' -> ');
    if (done.has(file) || !sources.has(file)) return null;
    for (const next of importsOf(file)) {
      const cycle = walk(next, [...trail, file]);
      if (cycle !== null) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of files) {
    const cycle = walk(file, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** Lines with a token on them: neither blank nor comment. */
function codeLines(source: ts.SourceFile): number {
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    if (node.getChildCount(source) === 0 && node.getWidth(source) > 0 && !ts.isJSDoc(node)) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
      for (let line = first; line <= last; line++) lines.add(line);
    }
    for (const child of node.getChildren(source))
      if (child.kind < ts.SyntaxKind.FirstJSDocNode || child.kind > ts.SyntaxKind.LastJSDocNode) visit(child);
  };
  visit(source);
  return lines.size;
}

function functionsOf(source: ts.SourceFile): { name: string; lines: number }[] {
  const found: { name: string; lines: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (isNamedFunction(node) && node.body !== undefined) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const last = source.getLineAndCharacterOfPosition(node.getEnd()).line;
      found.push({ name: `${source.fileName} ${node.name?.getText(source) ?? 'constructor'}`, lines: last - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isNamedFunction(
  node: ts.Node,
): node is ts.FunctionDeclaration | ts.MethodDeclaration | ts.ConstructorDeclaration | ts.AccessorDeclaration {
  return (
    ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node) || ts.isAccessor(node)
  );
}
