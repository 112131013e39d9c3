import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from '@babel/parser'

/** A node of the syntax tree, as far as the rules look at it. */
export interface Syntax {
  readonly type: string
  readonly loc?: {
    readonly start: { readonly line: number }
    readonly end: { readonly line: number }
  }
  readonly [field: string]: unknown
}

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `fastify`. */
  readonly specifier: string
  /** The file meant, from the root of the checkout; undefined for packages and node: modules. */
  readonly target: string | undefined
  readonly line: number
}

/** One TypeScript file with what the rules ask of it. */
export interface Source {
  /** From the root of the checkout, with `/`. */
  readonly path: string
  readonly text: string
  readonly tree: Syntax
  readonly comments: readonly { readonly value: string; readonly line: number }[]
  readonly imports: readonly Import[]
}

/** Reads `text` as the file at `path`: planted examples come in here as well. */
export function sourceOf(path: string, text: string): Source {
  const file = parse(text, { sourceType: 'module', plugins: ['typescript'] })
  const tree = file.program as unknown as Syntax
  const comments = (file.comments ?? []).map((comment) => ({
    value: comment.value,
    line: comment.loc?.start.line ?? 0
  }))
  return { path, text, tree, comments, imports: importsOf(path, tree) }
}

export function readSources(folders: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    filesUnder(folder)
      .filter((path) => path.endsWith('.ts'))
      .map((path) => sourceOf(path, readFileSync(path, 'utf8')))
  )
}

/** All files below `folder`, sorted; a folder that is not there has none. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .sort()
}

/** Calls `visit` for every node, parents before children. */
export function walk(node: Syntax, visit: (node: Syntax, parent: Syntax) => void): void {
  for (const child of childrenOf(node)) {
    visit(child, node)
    walk(child, visit)
  }
}

export function lineOf(node: Syntax): number {
  return node.loc?.start.line ?? 0
}

/** `src/raft/log.ts` lies in the room `raft`. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

function childrenOf(node: Syntax): Syntax[] {
  const children: Syntax[] = []
  for (const [field, value] of Object.entries(node)) {
    if (field === 'loc' || field.endsWith('Comments')) continue
    for (const item of Array.isArray(value) ? value : [value])
      if (isSyntax(item)) children.push(item)
  }
  return children
}

function isSyntax(value: unknown): value is Syntax {
  return typeof value === 'object' && value !== null && typeof (value as Syntax).type === 'string'
}

/** Every way one module names another: static, re-export, dynamic, and in a type. */
const NAMING_MODULES = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType'
])

function importsOf(path: string, tree: Syntax): Import[] {
  const imports: Import[] = []
  walk(tree, (node) => {
    if (!NAMING_MODULES.has(node.type)) return
    const source = node.source
    if (!isSyntax(source) || typeof source.value !== 'string') return
    const specifier = source.value
    imports.push({ specifier, target: resolveImport(path, specifier), line: lineOf(node) })
  })
  return imports
}

function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return join(from, '..', specifier).replaceAll('\\', '/')
}
