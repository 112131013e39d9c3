import { expect, test } from 'vitest'
import * as keymeshNode from '../../../src/node/index.ts'

test('goal: the package exports what its contract names, and nothing else', () => {
  expect(Object.keys(keymeshNode)).toEqual(['createNode'])
})

test('options that cannot work reject with an error known by its name', async () => {
  const started = keymeshNode.createNode({ data: 'unused', partitions: 3 })
  await expect(started).rejects.toMatchObject({
    name: 'InvalidOptions',
    message: expect.stringContaining('partitions')
  })
})
