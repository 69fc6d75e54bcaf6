import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** One piece of code in the documentation. */
export interface Example {
  /** `docs/recipes.md:12` */
  readonly place: string;
  readonly code: string;
  /** Why it cannot be run here; null where it can. */
  readonly unrunnable: string | null;
}

/** Files below a folder, by their path from the top, sorted. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith(ending))
    .sort();
}

/** The pages that people write; the API report is made by a tool. */
export function pages(): string[] {
  return ['README.md', ...filesBelow('docs', '.md').filter((name) => !name.startsWith(join('docs', 'api')))];
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Every `ts` and `js` block of a page. One that says `no-run` must say why, on the same line. */
export function blocksOf(file: string): Example[] {
  const text = textOf(file);
  return [...text.matchAll(/^```(?:ts|js)\b([^\n]*)\n([\s\S]*?)^```$/gm)].map(({ 1: info = '', 2: code = '', index }) => ({
    place: `${file}:${lineAt(text, index)}`,
    code,
    unrunnable: info.includes('no-run') ? info.replace('no-run', '').trim() : null,
  }));
}

/** Every `@example` of a source file's doc comments. */
export function tsdocExamplesOf(file: string): Example[] {
  const text = textOf(file);
  return [...text.matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*?@example\b((?:(?!\*\/)[\s\S])*)\*\//g)].flatMap(
    ({ 0: all, 1: tail = '', index }) => {
      const place = `${relative('', file)}:${lineAt(text, index + all.indexOf('@example'))}`;
      const lines = tail.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
      return `\n${lines.join('\n')}`
        .split(/\n@example\b/)
        .map((part) => part.split(/\n@\w+/)[0]!.replace(/^```.*$/gm, ''))
        .map((code, at) => ({ place: at === 0 ? place : `${place} (${at + 1})`, code, unrunnable: null }));
    },
  );
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
