// Shortens the names nobody sees: parameters, local variables, private fields. Classes, functions and methods keep theirs, private ones included,
// so that a stack reads as the source does.
import { transform } from 'esbuild';
import ts from 'typescript';

/** Free in all of the source: it hides from esbuild that the text is a module, whose top-level names it would shorten, too. */
const IMPORT_META = '__import_meta';
const PRIVATE_NAME = /#[A-Za-z_$][\w$]*/g;

/** @param {string} text an ES module that esbuild has bundled */
export async function shortenNames(text) {
  const { start, imports, body, exports, methods } = dissect(text);
  const { code } = await transform(body.replaceAll('import.meta', IMPORT_META), {
    minifyIdentifiers: true,
    minifySyntax: true,
    minifyWhitespace: true,
    target: 'node20.19',
  });
  const names = body.match(PRIVATE_NAME) ?? [];
  if ((code.match(PRIVATE_NAME) ?? []).length !== names.length)
    throw new Error('private names were lost while names were shortened');
  let at = 0;
  const readable = code.replace(PRIVATE_NAME, (short) => {
    const name = names[at++];
    return methods.has(name) ? name : short;
  });
  return start + imports + readable.trimEnd().replaceAll(IMPORT_META, 'import.meta') + exports;
}

/** Cuts imports and exports off, and gives classes that speak of themselves the name they are known by. */
function dissect(text) {
  const start = /^#!.*\n/.exec(text)?.[0] ?? '';
  const source = ts.createSourceFile('chunk.js', text.slice(start.length), ts.ScriptTarget.Latest, true);
  const parts = { imports: '', body: '', exports: '' };
  for (const statement of source.statements) {
    const kind = ts.isImportDeclaration(statement) ? 'imports' : ts.isExportDeclaration(statement) ? 'exports' : 'body';
    parts[kind] += statement.getText() + (kind === 'body' ? '\n' : '');
  }
  // esbuild writes `var Name = class _Name`: a name that only the class itself sees, and a stack shows.
  for (const [, name] of parts.body.matchAll(/\b(\w+)=class _\1\b/g)) {
    parts.body = parts.body.replaceAll(`class _${name}`, 'class').replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name);
  }
  return { start, ...parts, methods: privateMethods(source) };
}

function privateMethods(source) {
  const methods = new Set();
  const visit = (node) => {
    const isMethod = ts.isMethodDeclaration(node) || ts.isGetAccessor(node) || ts.isSetAccessor(node);
    if (isMethod && ts.isPrivateIdentifier(node.name) && node.name.text.length > 3) methods.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return methods;
}
