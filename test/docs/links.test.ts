import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { pages, root, textOf } from './code-blocks.ts';

test('every relative link leads to a file, and to a heading where it names one', () => {
  const broken = pages().flatMap((page) =>
    linksOf(page)
      .filter((link) => !leadsSomewhere(page, link))
      .map((link) => `${page}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('every exported name is in the documentation', () => {
  const text = pages().map(textOf).join('\n');
  const missing = [...exportsOf('src/index.ts'), ...exportsOf('src/testing.ts')].filter(
    (name) => !new RegExp(`\\b${name}\\b`).test(text),
  );
  expect(missing).toEqual([]);
});

function linksOf(page: string): string[] {
  const prose = textOf(page).replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** As anchors: lower case, hyphens for spaces, nothing but letters, digits and hyphens. */
function headingsOf(page: string): string[] {
  return [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function exportsOf(file: string): string[] {
  return [...textOf(file).matchAll(/export (?:type )?\{([\s\S]*?)\}/g)].flatMap(([, list]) =>
    list!
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== ''),
  );
}
