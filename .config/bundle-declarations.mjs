// Brings the declarations that the entry points lead to into one file: what they do not reach, and the seams between files, cost a user nothing.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const SHARED = 'kazoo';

/** @param {string} folder of declarations, whose content gives way to `kazoo.d.ts` and one file for each entry point */
export function bundleDeclarations(folder, entryPoints) {
  const files = entryPoints.map((name) => join(folder, `${name}.d.ts`));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ESNext,
    lib: ['lib.esnext.d.ts'],
    types: ['node'],
    skipLibCheck: true,
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  });
  const bundle = new Bundle(program.getTypeChecker(), folder);
  const entries = files.map((file) => bundle.entry(program.getSourceFile(file)));
  const shared = bundle.text(program.getSourceFiles());
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  writeFileSync(join(folder, `${SHARED}.d.ts`), shared);
  files.forEach((file, i) => writeFileSync(file, entries[i]));
}

class Bundle {
  #checker;
  #folder;
  /** Statements to keep. */
  #wanted = new Set();
  /** Name to symbol, to see that no two of one name meet. */
  #names = new Map();
  /** Module to the names imported from it. */
  #imports = new Map();

  constructor(checker, folder) {
    this.#checker = checker;
    this.#folder = folder;
  }

  /** An entry point: it hands on names of the shared file, and keeps what leads to them. */
  entry(source) {
    const names = this.#checker.getExportsOfModule(this.#checker.getSymbolAtLocation(source)).map((symbol) => {
      const target = this.#resolve(symbol);
      this.#want(target);
      const isValue = (target.flags & ts.SymbolFlags.Value) !== 0;
      const alias = target.name === symbol.name ? '' : ` as ${symbol.name}`;
      return `${isValue ? '' : 'type '}${target.name}${alias}`;
    });
    return `export { ${names.sort().join(', ')} } from './${SHARED}.js';\n`;
  }

  text(sources) {
    const statements = sources.flatMap((source) => source.statements.filter((statement) => this.#wanted.has(statement)));
    const imports = [...this.#imports].map(
      ([module, names]) => `import type { ${[...names].sort().join(', ')} } from '${module}';`,
    );
    return [...imports.sort(), ...statements.map((statement) => this.#print(statement))].join('\n') + '\n';
  }

  #resolve(symbol) {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #want(symbol) {
    for (const declaration of symbol.declarations ?? []) {
      const statement = ts.findAncestor(declaration, (node) => node.parent !== undefined && ts.isSourceFile(node.parent));
      if (statement === undefined || !statement.getSourceFile().fileName.startsWith(this.#folder)) continue;
      const known = this.#names.get(symbol.name);
      if (known !== undefined && known !== symbol)
        throw new Error(
          `the public types lead to two declarations called ${symbol.name}: rename the one in ${statement.getSourceFile().fileName}`,
        );
      this.#names.set(symbol.name, symbol);
      if (this.#wanted.has(statement)) continue;
      this.#wanted.add(statement);
      this.#follow(statement);
    }
  }

  #follow(node) {
    if (ts.isIdentifier(node)) this.#use(node);
    ts.forEachChild(node, (child) => this.#follow(child));
  }

  #use(identifier) {
    const symbol = this.#checker.getSymbolAtLocation(identifier);
    if (symbol === undefined) return;
    const imported = symbol.declarations?.find((d) => ts.isImportSpecifier(d) || ts.isImportClause(d) || ts.isNamespaceImport(d));
    const module = imported && ts.findAncestor(imported, ts.isImportDeclaration).moduleSpecifier.text;
    if (module !== undefined && !module.startsWith('.')) this.#importFrom(module, imported);
    else if (this.#isTopLevel(this.#resolve(symbol))) this.#want(this.#resolve(symbol));
  }

  #importFrom(module, specifier) {
    const names = this.#imports.get(module) ?? new Set();
    if (!ts.isImportSpecifier(specifier)) throw new Error(`${module} is imported as a whole`);
    names.add(specifier.getText().replace(/^type /, ''));
    this.#imports.set(module, names);
  }

  #isTopLevel(symbol) {
    return symbol.declarations?.some((declaration) => {
      const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent.parent : declaration.parent;
      return ts.isSourceFile(holder);
    });
  }

  /** As it stands, its comment included, with `import('./x').Y` brought down to `Y` and the indent halved. */
  #print(statement) {
    const start = statement.getFullStart();
    const text = statement.getSourceFile().text.slice(start, statement.end).trim();
    return text.replace(/import\("\.[^"]*"\)\.(\w+)/g, '$1').replace(/^(?: {4})+/gm, (indent) => indent.slice(indent.length / 2));
  }
}
