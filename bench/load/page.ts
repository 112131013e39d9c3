import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { digits, whole } from '../rig/figures.ts'
import { machineLine } from '../rig/machine.ts'
import { plot } from './plot.ts'
import type { Figures, Results } from './results.ts'
import { apiName, pairs, ratio, row } from './table.ts'
import { HEAD as BESIDE_HEAD, besidePuts, besideRow } from './transactions-table.ts'

// `npm run bench:page -- RESULTS.json`: puts a run of `npm run bench` on docs/performance.md.

const DOCS = new URL('../../docs/', import.meta.url)
const PAGE = fileURLToPath(new URL('performance.md', DOCS))
const PICTURE = fileURLToPath(new URL('performance.svg', DOCS))
const HEAD = 'API,load,in flight,ops/s,min-max,p50 ms,p99,p99.9,CPU µs/op,nodes + generator'
const PART = /(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/

const file = process.argv[2]
if (file === undefined) {
  console.error('npm run bench:page -- FILE: a file that npm run bench wrote')
  process.exit(2)
}
const results = JSON.parse(readFileSync(file, 'utf8')) as Results
if (results.figures.some(({ failed }) => failed.length > 0)) {
  console.error(`${file}: operations failed in this run, so its figures mean nothing`)
  process.exit(1)
}
const page = readFileSync(PAGE, 'utf8')
if (!PART.test(page)) throw new Error(`${PAGE} has no part for figures`)
writeFileSync(PICTURE, await plot(results))
writeFileSync(
  PAGE,
  page.replace(PART, (_, begin, end) => `${begin}${part(results, basename(file))}${end}`)
)

function part(results: Results, name: string): string {
  const { settings, machine, at } = results
  return [
    `\`${name}\`: ${at.slice(0, 10)}, commit \`${results.commit}\`, ${settings.rounds} rounds of ` +
      `${settings.seconds} s per line.\n${machineLine(machine)}.`,
    '![Operations a second and latency, KeyMesh and etcd](performance.svg)',
    figuresPart(results.figures),
    etcdPart(results),
    ...transactionsPart(results)
  ]
    .map((paragraph) => `\n${paragraph}\n`)
    .join('')
    .concat('\n')
}

function figuresPart(figures: readonly Figures[]): string {
  const lines = figures.map((one) => row(one).slice(0, -1))
  return markdown(HEAD.split(','), lines)
}

function etcdPart(results: Results): string {
  if (pairs(results).length === 0) return 'etcd was not measured.'
  const head = 'load,connections,ops/s ours ÷ etcd,p50 ms,etcd,p99 ms,etcd,CPU µs/op,etcd'.split(
    ','
  )
  const lines = pairs(results).map(({ ours, theirs }) => [
    ours.load,
    whole(ours.inFlight),
    `**${ratio(ours, theirs)}**`,
    ...[ours.ms.p50, theirs.ms.p50, ours.ms.p99, theirs.ms.p99].map(digits),
    ...[ours, theirs].map(({ cpuMicros }) => digits(cpuMicros.total ?? 0))
  ])
  return `${apiName('http')} of KeyMesh beside etcd ${results.etcd}:\n\n${markdown(head, lines)}`
}

function transactionsPart(results: Results): string[] {
  const lines = besidePuts(results).map(besideRow)
  if (lines.length === 0) return []
  return [`Transactions beside single puts of the same run:\n\n${markdown(BESIDE_HEAD, lines)}`]
}

/** Text to the left, numbers to the right. */
function markdown(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const isText = (column: number): boolean => /^[a-z ]*$/i.test(lines[0]?.[column] ?? '')
  const rule = head.map((_, column) => (isText(column) ? '---' : '---:'))
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
