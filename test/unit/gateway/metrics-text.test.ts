import { expect, test } from 'vitest'
import { metricsText } from '../../../src/gateway/metrics-text.ts'
import { Histogram } from '../../../src/world/histogram.ts'
import { counter, gauge, labelled, type Metric, timing } from '../../../src/world/metric.ts'
import { parseMetrics, total } from './metrics-parser.ts'

const written = (...metrics: readonly Metric<undefined>[]): string =>
  metricsText(metrics, undefined)

test('a counter and a gauge are written as the format wants them', () => {
  const text = written(
    counter('a_total', 'Things done.', () => 3),
    gauge('b', 'How it\nis with a \\.', () => -0.5)
  )
  expect(text).toBe(
    '# HELP a_total Things done.\n# TYPE a_total counter\na_total 3\n' +
      '# HELP b How it\\nis with a \\\\.\n# TYPE b gauge\nb -0.5\n'
  )
})

test('what has no value has a head, and no more', () => {
  const text = written(gauge('a', 'Not known.', () => undefined))
  expect(text).toBe('# HELP a Not known.\n# TYPE a gauge\n')
  expect(parseMetrics(text).get('a')?.samples).toEqual([])
})

test('labels may hold anything', () => {
  const odd = 'a"b\\c\nd,e}'
  const metric = labelled<undefined>(
    'gauge',
    { name: 'a', help: 'Odd.', labels: ['x', 'y'] },
    () => [{ labels: [odd, ''], value: 1e21 }]
  )
  const [sample] = parseMetrics(written(metric)).get('a')?.samples ?? []
  expect(sample).toEqual({ name: 'a', labels: { x: odd, y: '' }, value: 1e21 })
})

test('a histogram in ms is told in seconds, its buckets added up', () => {
  const kept = new Histogram([1, 10])
  for (const ms of [0.5, 1, 10, 11, 2_000]) kept.observe(ms)
  const text = written(timing('a_seconds', 'How long.', () => kept))
  expect(text.split('\n').slice(2, -1)).toEqual([
    'a_seconds_bucket{le="0.001"} 2',
    'a_seconds_bucket{le="0.01"} 3',
    'a_seconds_bucket{le="+Inf"} 5',
    'a_seconds_sum 2.0225',
    'a_seconds_count 5'
  ])
  expect(total(parseMetrics(text), 'a_seconds_count')).toBe(5)
})

test('numbers that are none are written in words', () => {
  const text = written(
    gauge('a', 'A.', () => Number.NaN),
    gauge('b', 'B.', () => Number.POSITIVE_INFINITY),
    gauge('c', 'C.', () => Number.NEGATIVE_INFINITY)
  )
  expect(text).toContain('\na NaN\n')
  expect(text).toContain('\nb +Inf\n')
  expect(text).toContain('\nc -Inf\n')
})

test('the parser of these tests accuses what is wrong', () => {
  const head = '# HELP a A.\n# TYPE a gauge\n'
  const wrong = [
    'a 1',
    'a 1\n',
    `${head}b 1\n`,
    `${head}a 1\na 1\n`,
    `${head}a{x="1",} 1\n`,
    `${head}a{x="1} 1\n`,
    `${head}a one\n`,
    `${head}${head}`,
    '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\n',
    '# HELP a A.\n# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n'
  ]
  for (const text of wrong) expect(() => parseMetrics(text), text).toThrow()
})
