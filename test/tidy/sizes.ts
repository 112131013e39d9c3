import { lineOf, roomOf, type Source, type Syntax, walk } from './source.ts'

export const FILE_LINES_MAX = 400
export const FUNCTION_LINES_MAX = 50
export const LINE_COLUMNS_MAX = 100
export const PARAMETERS_MAX = 4

export function sizeViolations(source: Source): string[] {
  const lines = source.text.split('\n')
  const found: string[] = []
  const count = source.text.endsWith('\n') ? lines.length - 1 : lines.length
  if (count > FILE_LINES_MAX) {
    found.push(`${source.path} has ${count} lines of ${FILE_LINES_MAX}: find the second subject`)
  }
  for (const [index, line] of lines.entries()) {
    if (line.length <= LINE_COLUMNS_MAX) continue
    found.push(`${source.path}:${index + 1} has ${line.length} columns of ${LINE_COLUMNS_MAX}`)
  }
  walk(source.tree, (node, parent) => {
    found.push(...functionViolations(source, node, parent))
  })
  return found
}

function functionViolations(source: Source, node: Syntax, parent: Syntax): string[] {
  if (!/^(Function|ArrowFunction|ClassMethod|ClassPrivateMethod|ObjectMethod)/.test(node.type)) {
    return []
  }
  const found: string[] = []
  const place = `${source.path}:${lineOf(node)}`
  const lines = (node.loc?.end.line ?? 0) - lineOf(node) + 1
  if (lines > FUNCTION_LINES_MAX && !isChapter(node, parent)) {
    found.push(`${place} a function of ${lines} lines of ${FUNCTION_LINES_MAX}: name its parts`)
  }
  const parameters = (node.params as readonly unknown[]).length
  if (parameters > PARAMETERS_MAX) {
    found.push(`${place} ${parameters} parameters of ${PARAMETERS_MAX}: pass one object`)
  }
  return found
}

/** What only lists tests is a chapter, not a function: given to `describe`, or a contract suite. */
function isChapter(node: Syntax, parent: Syntax): boolean {
  if (calledName(parent) === 'describe') return true
  const statements = ((node.body as Syntax | undefined)?.body ?? []) as readonly Syntax[]
  return statements.some((statement) => {
    const name = calledName(statement.expression as Syntax | undefined)
    return name === 'test' || name === 'describe'
  })
}

/** The first name of what is called: `test` of `test(…)` and of `test.each(…)(…)`. */
function calledName(node: Syntax | undefined): string | undefined {
  let at = node
  while (at !== undefined && at.type !== 'Identifier') {
    at = (at.type === 'MemberExpression' ? at.object : at.callee) as Syntax | undefined
  }
  return at?.name as string | undefined
}

/** What kind of file it is, after its name: `log.property.test.ts`, `disk.contract.ts`. */
const KIND = /(\.(contract|property))?(\.(test|bench|config))?\.\w+$/
const DRAWERS = /^(utils?|common|helpers?|misc|shared|stuff|lib|general)$/

/** Files and folders are named in kebab-case for what is in them. */
export function nameViolations(paths: readonly string[]): string[] {
  const found: string[] = []
  for (const path of paths) {
    const parts = path.split('/')
    const stems = parts.map((part) => part.replace(KIND, ''))
    if (stems.some((stem) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem))) {
      found.push(`${path} is not kebab-case`)
    }
    const drawer = stems.find((stem) => DRAWERS.test(stem))
    if (drawer !== undefined) found.push(`${path}: "${drawer}" says nothing; name what is in it`)
  }
  return found
}

/** A test mirrors the room it tests. */
export function mirrorViolations(tests: readonly string[], rooms: ReadonlySet<string>): string[] {
  return tests.flatMap((path) => {
    const room = /^test\/unit\/([^/]+)\//.exec(path)?.[1]
    if (!path.startsWith('test/unit/') || (room !== undefined && rooms.has(room))) return []
    return [`${path} mirrors no room of src`]
  })
}

export function roomsOf(sources: readonly Source[]): Set<string> {
  return new Set(sources.map((source) => roomOf(source.path) ?? ''))
}
