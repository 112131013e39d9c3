/** A history no correct store can produce, and why. */
export interface Planted {
  readonly name: string
  readonly history: string
}

const plant = (name: string, history: string): Planted => ({ name, history })

export const PLANTED: readonly Planted[] = [
  plant('a value nobody wrote', 'a 0-1 get = x@1'),
  plant('a value before it was written', 'a 0-1 get = x@1\n b 2-3 put x = @1'),
  plant('an acknowledged write is lost', 'a 0-1 put x = @1\n b 2-3 get = absent'),
  plant(
    'a lost update: the older value comes back',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 get = x@1'
  ),
  plant(
    'a stale read at another replica',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 get = y@2\n c 6-7 get = x@1'
  ),
  plant(
    'two readers see two writes in opposite order',
    `a 0-9 put x = @1
     b 0-9 put y = @2
     c 1-2 get = y@2
     d 3-4 get = x@1`
  ),
  plant(
    'a reader goes back while the write is under way',
    'a 0-1 put x = @1\n b 2-9 put y = @2\n c 3-4 get = y@2\n c 5-6 get = x@1'
  ),
  plant(
    'another reader goes back while the write is under way',
    'a 0-1 put x = @1\n b 2-9 put y = @2\n c 3-4 get = y@2\n d 5-6 get = x@1'
  ),
  plant('a failed write took effect', 'a 0-1 put x = @1\n b 2-3 put y !\n c 4-5 get = y@2'),
  plant('a failed write took effect long after', 'a 0-1 put x !\n b 99-100 get = x@1'),
  plant('a failed delete took effect', 'a 0-1 put x = @1\n b 2-3 del !\n c 4-5 get = absent'),
  plant('a failed increment took effect', 'a 0-1 add 1 = 1@1\n b 2-3 add 1 !\n c 4-5 get = 2@2'),
  plant(
    'an unknown write comes and goes',
    'a 0-1 put x = @1\n b 2- put y ?\n c 3-4 get = y@2\n c 5-6 get = x@1'
  ),
  plant(
    'an unknown write takes effect twice',
    `a 0- put y ?
     b 1-2 get = y@1
     b 3-4 put x = @2
     b 5-6 get = y@3`
  ),
  plant('an unknown write before its call', 'a 0-1 get = x@1\n b 2- put x ?'),
  plant('an unknown increment counts twice', 'a 0- add 1 ?\n b 1-2 get = 1@1\n b 3-4 get = 2@2'),
  plant(
    'an unknown delete takes effect twice',
    `a 0-1 put x = @1
     b 2- del ?
     a 3-4 get = absent
     a 5-6 put y = @3
     a 7-8 get = absent`
  ),
  plant('an increment is lost', 'a 0-1 add 1 = 1@1\n b 2-3 add 1 = 2@2\n c 4-5 get = 1@1'),
  plant('two increments get one number', 'a 0-9 add 1 = 1@1\n b 0-9 add 1 = 1@2'),
  plant('an increment counts twice', 'a 0-1 add 1 = 2@1'),
  plant('an increment by another amount', 'a 0-1 add 5 = 5@1\n b 2-3 add 5 = 9@2'),
  plant('counters skip', 'a 0-1 add 1 = 1@1\n b 2-3 add 1 = 3@2'),
  plant('a number where there is a word', 'a 0-1 put x = @1\n b 2-3 add 1 = 1@2'),
  plant('no number where there is one', 'a 0-1 put 7 = @1\n b 2-3 add 1 = nan'),
  plant('no number where there is nothing', 'a 0-1 add 1 = nan'),
  plant(
    'a word where a number was added',
    'a 0-1 put 1 = @1\n b 2-3 add 1 = 2@2\n b 4-5 get = x@2'
  ),
  plant('a delete that leaves the key', 'a 0-1 put x = @1\n b 2-3 del = @2\n c 4-5 get = x@1'),
  plant('a delete of nothing finds something', 'a 0-1 del = @1'),
  plant('a delete of something finds nothing', 'a 0-1 put x = @1\n b 2-3 del = absent'),
  plant('two deletes of one value', 'a 0-1 put x = @1\n b 2-9 del = @2\n c 2-9 del = @3'),
  plant('a touch of nothing finds something', 'a 0-1 touch = @1'),
  plant('a touch of something finds nothing', 'a 0-1 put x = @1\n b 2-3 touch = absent'),
  plant('a touch that changes the value', 'a 0-1 put x = @1\n b 2-3 touch = @2\n c 4-5 get = y@2'),
  plant('a touch that keeps the revision', 'a 0-1 put x = @1\n b 2-3 touch = @1'),
  plant('a failed touch moved the revision', 'a 0-1 put x = @1\n b 2-3 touch !\n c 4-5 get = x@2'),
  plant('a revision that stands still', 'a 0-1 put x = @1\n b 2-3 put y = @1'),
  plant('a revision that goes back', 'a 0-1 put x = @5\n b 2-3 put y = @4'),
  plant(
    'a revision that goes back over a delete',
    'a 0-1 put x = @5\n b 2-3 del = @6\n c 4-5 put y = @1'
  ),
  plant(
    'the revision of a delete used again',
    'a 0-1 put x = @5\n b 2-3 del = @6\n c 4-5 put y = @6'
  ),
  plant('a delete below the write', 'a 0-1 put x = @5\n b 2-3 del = @4'),
  plant('a read shows another revision', 'a 0-1 put x = @1\n b 2-3 get = x@2'),
  plant(
    'two reads of one write show two revisions',
    'a 0- put x ?\n b 1-2 get = x@1\n b 3-4 get = x@2'
  ),
  plant(
    'an unknown write below the revision before it',
    'a 0-1 put x = @5\n b 2- put y ?\n c 3-4 get = y@5'
  ),
  plant(
    'an unknown write between two that leave no room',
    `a 0-1 put x = @5
     b 2- put y ?
     c 3-9 put z = @6
     d 3-4 get = y@7
     d 10-11 get = z@6`
  ),
  plant('an increment below its revision', 'a 0-1 put 1 = @5\n b 2-3 add 1 = 2@5'),
  plant(
    'a condition met that was not',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 put z if 1 = @3'
  ),
  plant('two creations of one key', 'a 0-9 put x if 0 = @1\n b 0-9 put y if 0 = @2'),
  plant('a creation over a value', 'a 0-1 put x = @1\n b 2-3 put y if 0 = @2'),
  plant(
    'two updates from one revision',
    'a 0-1 put x = @1\n b 2-9 put y if 1 = @2\n c 2-9 put z if 1 = @3'
  ),
  plant('a conflict where the condition held', 'a 0-1 put x = @1\n b 2-3 put y if 1 = conflict@1'),
  plant(
    'a conflict with a revision that is not there',
    'a 0-1 put x = @3\n b 2-3 put y if 1 = conflict@2'
  ),
  plant('a conflict with a key that is not there', 'a 0-1 put y if 1 = conflict@3'),
  plant(
    'a conflict with nothing where there is something',
    'a 0-1 put x = @3\n b 2-3 del if 1 = conflict@0'
  ),
  plant('a conflict without a condition', 'a 0-1 put x = @1\n b 2-3 put y = conflict@1'),
  plant(
    'a refused condition took effect all the same',
    'a 0-1 put x = @2\n b 2-3 put y if 1 = conflict@2\n c 4-5 get = y@3'
  ),
  plant(
    'a conditional delete of another revision',
    'a 0-1 put x = @1\n a 2-3 put y = @2\n b 4-5 del if 1 = @3'
  ),
  plant(
    'a conditional increment of another revision',
    'a 0-1 add 1 = 1@1\n a 2-3 add 1 = 2@2\n b 4-5 add 1 if 1 = 3@3'
  ),
  plant(
    'an unknown conditional write whose condition never held',
    'a 0-1 put x = @3\n b 2- put y if 9 ?\n c 3-4 get = y@4'
  ),
  plant(
    'two unknown writes from one revision both took effect',
    `a 0-1 put x = @1
     b 2- put y if 1 ?
     c 2- put z if 1 ?
     d 3-4 get = y@2
     d 5-6 get = z@3`
  ),
  plant('an answer of another kind', 'a 0-1 put x = absent'),
  plant(
    'an old write answered late covers a new one',
    `a 0-5 put x = @1
     b 1-2 get = x@1
     b 3-4 put y = @2
     b 6-7 get = x@1`
  ),
  plant(
    'a read between two others sees neither',
    `a 0-1 put x = @1
     b 2-9 put y = @3
     c 3-4 get = x@1
     c 5-6 get = x@2`
  ),
  plant(
    'three readers, and no order of three writes for all',
    `a 0-20 put x = @1
     b 0-20 put y = @2
     c 0-20 put z = @3
     d 1-2 get = x@1
     d 3-4 get = y@2
     e 5-6 get = z@3
     f 7-8 get = y@2`
  )
]

/** The nearest good histories: what looks odd and is allowed. */
export const ALLOWED: readonly Planted[] = [
  plant('nothing', ''),
  plant(
    'a read during the write sees either',
    'a 0-9 put x = @1\n b 1-2 get = absent\n b 3-4 get = x@1'
  ),
  plant('two clients at one instant', 'a 0-1 put x = @1\n b 1-2 get = absent'),
  plant('an unknown write is never seen', 'a 0- put x ?\n b 1-2 get = absent'),
  plant('an unknown write is seen late', 'a 0- put x ?\n b 1-2 get = absent\n b 8-9 get = x@4'),
  plant(
    'an unknown write takes effect between two others',
    `a 0- put y ?
     b 1-2 put x = @1
     c 3-4 get = y@2
     b 5-6 put z = @3`
  ),
  plant(
    'a revision of an unknown write is learned from a conflict',
    `a 0- put y ?
     b 1-2 put x if 9 = conflict@5
     b 3-4 get = y@5
     b 5-6 put x if 5 = @6`
  ),
  plant(
    'a condition tells the revision of an unknown write',
    `a 0- put y ?
     b 1-2 del if 5 = @6`
  ),
  plant('a failed write is not there', 'a 0-1 put x = @1\n b 2-3 put y !\n c 4-5 get = x@1'),
  plant('revisions jump', 'a 0-1 put x = @10\n b 2-3 put y = @400'),
  plant('two unknown increments, one seen', 'a 0- add 1 ?\n b 0- add 1 ?\n c 1-2 get = 1@3'),
  plant(
    'two unknown increments, both seen at once',
    'a 0- add 1 ?\n b 0- add 1 ?\n c 1-2 get = 2@3'
  ),
  plant('one revision for all who read it', 'a 0-1 put x = @1\n b 2-3 get = x@1\n c 2-3 get = x@1'),
  plant('a conflict while the key is created', 'a 0-9 put x = @1\n b 1-2 put y if 7 = conflict@0'),
  plant('a sum too large', 'a 0-1 put 9007199254740991 = @1\n b 2-3 add 1 = nan'),
  plant('a delete of nothing', 'a 0-1 del = absent\n b 2-3 del if 0 = absent'),
  plant(
    'an unknown condition on the revision of an unknown write',
    `a 0-1 put x = @1
     b 2- put a ?
     c 2- put b if 5 ?
     d 3-4 get = b@6`
  ),
  plant(
    'an unknown delete makes room for an unknown creation',
    `a 0-1 put x = @1
     b 2- del ?
     c 2- put y if 0 ?
     d 3-4 get = y@3`
  ),
  plant(
    'an unknown delete makes room for an unknown count',
    `a 0-1 put x = @1
     b 2- del ?
     c 2- add 5 ?
     d 3-4 put z if 1 = conflict@4
     d 5-6 get = 5@4`
  ),
  plant(
    'an unknown write is deleted on the revision nobody was told',
    `a 0- put x ?
     b 1- del if 3 ?
     c 2-3 get = x@3
     c 4-5 get = absent`
  )
]
