import { isPure } from './imports.ts'
import { ASYNC_LOADERS } from './rooms.ts'
import { lineOf, roomOf, type Source, type Syntax, walk } from './source.ts'

/** Globals that reach the real world, each with what to use instead. */
const OUTSIDE = new Map([
  ['Date', 'time is an argument, or comes from world/clock.ts'],
  ['performance', 'time is an argument, or comes from world/clock.ts'],
  ['setTimeout', 'use the Timers of world/clock.ts'],
  ['setInterval', 'use the Timers of world/clock.ts'],
  ['setImmediate', 'use Timers.soon of world/clock.ts'],
  ['queueMicrotask', 'use Timers.soon of world/clock.ts'],
  ['crypto', 'random bits come from world/random.ts'],
  ['process', 'settings come from src/node/config.ts, signals are for src/cli'],
  ['console', 'use the Logger of world/log.ts; src/cli may print'],
  ['fetch', 'go through the transport'],
  ['WebSocket', 'go through the transport'],
  ['Atomics', 'one thread, no waiting'],
  ['WeakRef', 'garbage collection must decide nothing'],
  ['FinalizationRegistry', 'garbage collection must decide nothing'],
  ['Intl', 'compare bytes: order must not hang on the machine'],
  ['globalThis', 'name what you need as an argument']
])

/** `object.member` pairs that reach the real world. */
const OUTSIDE_MEMBERS = new Map([
  ['Math.random', 'random bits come from world/random.ts'],
  ['AbortSignal.timeout', 'use the Timers of world/clock.ts']
])

/** Methods whose answer hangs on the language of the machine, wherever they are called. */
const LOCALE_METHODS = /^(localeCompare|toLocale\w*)$/
/** Floating-point functions that may differ in the last bit between builds of V8. */
const INEXACT = /^(pow|exp|expm1|sin|cos|tan|sinh|cosh|tanh|log|log2|log10|log1p|cbrt|hypot)$/

export interface Finding {
  readonly path: string
  readonly line: number
  readonly message: string
}

/** Where `source` names the real world by a global; the adapter rule judges which files may. */
export function outsideFindings(source: Source): Finding[] {
  const bound = boundNames(source.tree)
  const found: Finding[] = []
  walk(source.tree, (node, parent) => {
    const name = identifier(node)
    if (name !== undefined && !bound.has(name) && isReference(node, parent)) {
      const instead = OUTSIDE.get(name)
      if (instead !== undefined && !isDateValue(name, node, parent)) {
        found.push(finding(source, node, `${name}: ${instead}`))
      }
    }
    const member = memberName(node)
    const instead = member === undefined ? undefined : OUTSIDE_MEMBERS.get(member)
    if (instead !== undefined) found.push(finding(source, node, `${member}: ${instead}`))
  })
  return found
}

/** Bans that hold everywhere, src, tests and tools alike. */
export function languageFindings(source: Source): Finding[] {
  const found: Finding[] = []
  const add = (node: Syntax, message: string): void => {
    found.push(finding(source, node, message))
  }
  walk(source.tree, (node) => {
    const message = forbiddenSyntax(node, source.path)
    if (message !== undefined) add(node, message)
    const method = methodName(node)
    if (method !== undefined && LOCALE_METHODS.test(method)) {
      add(node, `${method}: compare code units or bytes, not by language`)
    }
  })
  for (const { value, line } of source.comments) {
    const message = forbiddenComment(value, source.path)
    if (message !== undefined) found.push({ path: source.path, line, message })
  }
  return found
}

/** Bans inside pure files only. */
export function pureFindings(source: Source): Finding[] {
  if (!isPure(source.path)) return []
  const found: Finding[] = []
  walk(source.tree, (node, parent) => {
    const message = impureSyntax(node, parent, source.path)
    if (message !== undefined) found.push(finding(source, node, message))
  })
  return found
}

/** Bans in tests: what makes a test wait, hang on chance, or be left out unseen. */
export function testFindings(source: Source): Finding[] {
  const found: Finding[] = []
  walk(source.tree, (node, parent) => {
    const member = memberName(node)
    const name = identifier(node)
    if (member === 'Math.random') found.push(finding(source, node, 'draw from a seed'))
    if (member !== undefined && /^(test|it|describe)\.(only|skip|todo|fails)$/.test(member)) {
      found.push(finding(source, node, `${member}: every test runs, always`))
    }
    if (member !== undefined && /^vi\./.test(member)) {
      found.push(finding(source, node, 'no mocks: hand in a simulated port'))
    }
    if (name === 'sleep' && isReference(node, parent)) {
      found.push(finding(source, node, 'sleep: wait for the cause, or advance the clock'))
    }
  })
  return found
}

export function show({ path, line, message }: Finding): string {
  return `${path}:${line} ${message}`
}

function forbiddenSyntax(node: Syntax, path: string): string | undefined {
  switch (node.type) {
    case 'TSAnyKeyword':
      return 'any: say what it is, or unknown'
    case 'TSEnumDeclaration':
      return 'enum: use a union of literals'
    case 'TSModuleDeclaration':
      return 'namespace: a file is a module'
    case 'TSParameterProperty':
      return 'parameter property: declare the field'
    case 'ExportDefaultDeclaration':
      return path.includes('/') ? 'default export: export it by name' : undefined
    case 'ClassDeclaration':
    case 'ClassExpression':
      return forbiddenBase(node)
    default:
      return undefined
  }
}

/** Only errors are built by inheritance. */
function forbiddenBase(node: Syntax): string | undefined {
  const base = node.superClass as Syntax | null | undefined
  if (base === null || base === undefined) return undefined
  if (/Error$/.test(identifier(base) ?? '')) return undefined
  return 'inheritance: hold the other object in a field'
}

function forbiddenComment(text: string, path: string): string | undefined {
  const word = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck|expect-error)|biome-ignore/.exec(text)
  if (word === null) return undefined
  // In a test it is a claim, and the compiler checks it: what follows must not compile.
  if (word[0] === '@ts-expect-error' && path.startsWith('test/')) return undefined
  return `${word[0]}: mend it now, or write it down in docs`
}

function impureSyntax(node: Syntax, parent: Syntax, path: string): string | undefined {
  if (!ASYNC_LOADERS.has(path)) {
    const waits = node.async === true || node.type === 'AwaitExpression'
    const promises = identifier(node) === 'Promise' && isReference(node, parent)
    if (waits || promises) return 'async: a pure room answers at once'
  }
  const member = memberName(node)
  if (roomOf(path) === 'state' && member !== undefined && INEXACT.test(member.slice(5))) {
    if (member.startsWith('Math.')) return `${member}: not exact everywhere; use integers`
  }
  const method = methodName(node)
  const sorts = method === 'sort' || method === 'toSorted'
  if (sorts && !sortsNumbers(node) && (node.arguments as readonly unknown[]).length === 0) {
    return 'sort without a comparator: give a total one'
  }
  return undefined
}

/** `Float64Array.from(…).sort()`: typed arrays compare as numbers by themselves. */
function sortsNumbers(call: Syntax): boolean {
  const made = (call.callee as Syntax).object as Syntax
  const maker = made.callee as Syntax | undefined
  const name = maker?.type === 'MemberExpression' ? (maker.object as Syntax) : maker
  return name !== undefined && /^(Float|Int|Uint|Big)\w+Array$/.test(identifier(name) ?? '')
}

function finding(source: Source, node: Syntax, message: string): Finding {
  return { path: source.path, line: lineOf(node), message }
}

function identifier(node: Syntax): string | undefined {
  return node.type === 'Identifier' ? (node.name as string) : undefined
}

/** `a.b` of plain names; undefined for all else. */
function memberName(node: Syntax): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const object = identifier(node.object as Syntax)
  const property = node.computed === true ? undefined : identifier(node.property as Syntax)
  return object === undefined || property === undefined ? undefined : `${object}.${property}`
}

/** The method a call names: `x.sort()` gives `sort`. */
function methodName(node: Syntax): string | undefined {
  if (node.type !== 'CallExpression' && node.type !== 'OptionalCallExpression') return undefined
  const callee = node.callee as Syntax
  const isMember = callee.type === 'MemberExpression' || callee.type === 'OptionalMemberExpression'
  return isMember && callee.computed !== true ? identifier(callee.property as Syntax) : undefined
}

/** Whether this identifier stands for a value or type, and is not just the name of a field. */
function isReference(node: Syntax, parent: Syntax): boolean {
  const isField = parent.key === node || parent.property === node
  if (isField && parent.computed !== true && parent.shorthand !== true) return false
  return parent.label !== node && parent.imported !== node && parent.exported !== node
}

/** A date made of a number, or asked for: only the one made of nothing reads a clock. */
function isDateValue(name: string, node: Syntax, parent: Syntax): boolean {
  if (name !== 'Date') return false
  if (parent.type === 'BinaryExpression') return parent.operator === 'instanceof'
  const isMade = parent.type === 'NewExpression' && parent.callee === node
  return isMade && (parent.arguments as readonly unknown[]).length > 0
}

/** Names this file declares itself: an argument called `process` is not the global. */
function boundNames(tree: Syntax): Set<string> {
  const bound = new Set<string>()
  const bind = (pattern: unknown): void => {
    const node = pattern as Syntax | null
    if (node === null || typeof node !== 'object') return
    const name = identifier(node)
    if (name !== undefined) bound.add(name)
    for (const field of ['left', 'argument', 'value']) if (node[field]) bind(node[field])
    for (const field of ['elements', 'properties']) {
      for (const item of (node[field] as readonly unknown[] | undefined) ?? []) bind(item)
    }
  }
  walk(tree, (node) => {
    for (const parameter of (node.params as readonly unknown[] | undefined) ?? []) {
      bind(parameter)
    }
    if (node.type === 'VariableDeclarator' || /^(Function|Class)Declaration$/.test(node.type)) {
      bind(node.id)
    }
    if (/^Import.*Specifier$/.test(node.type)) bind(node.local)
  })
  return bound
}
