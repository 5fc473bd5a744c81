"""The machine of the steady state, compiled: requests and what they wait for; imported only where it runs."""

from __future__ import annotations

from mapper.cost.channel_kernels import compiled, drop_first, free_channels, hold_channels, inlined, push
from mapper.cost.machine_tables import (
    AGE,
    ARRIVED,
    AT,
    BEGAN,
    BEGUN,
    BOTTLENECK,
    CALL,
    CALLS,
    ENTRIES,
    EXCLUSIVE,
    FIRST_ENTRY,
    FIRST_STEP,
    FROM,
    HEAP,
    IDLE,
    LEFT,
    LET_GO,
    LOGGED,
    NEEDS,
    NODE,
    NOW,
    OF_CALL,
    OF_NODE,
    OF_PHASE,
    OF_ROUND,
    PHASE,
    RAN,
    RETRY,
    ROUND,
    SEEN,
    SEGMENT,
    SINCE,
    STARTED,
    STUCK,
    UNTIL,
    UPTO,
    USERS,
    WEIGHT,
    Array,
    State,
    Tables,
)


@compiled
def advance(t: Tables, m: State, arrivals: Array, began: Array, goal: int, spare: int) -> bool:
    """Let requests begin that have not yet, and run until `goal` steps have ended in all or nothing is under way;
    False: with fewer runs to be had than `spare`, which is as many as may start at once.

    arrivals: by request, its phase, the call it is in, and when that call began (0 or before); began: by step, when it
    begins in a call that is alone from 0 on."""
    clock = m.clock
    while clock[ARRIVED] < len(arrivals):
        if clock[IDLE] < spare:
            return False
        s = clock[ARRIVED]
        m.requests[s, PHASE], m.requests[s, CALL] = arrivals[s, 0], arrivals[s, 1]
        clock[ARRIVED] += 1
        _begin_call(t, m, s, arrivals, began)
        if clock[RETRY]:
            _try_again(t, m)
    while clock[HEAP] > 0 and clock[RAN] < goal:
        if clock[IDLE] < spare:
            return False
        clock[NOW] = m.heap[0, 0]
        run = m.heap[0, 2]
        drop_first(m)
        s, i = divmod(m.runs[run, NODE], m.waiting.shape[1])
        step = t.phases[m.requests[s, PHASE], FIRST_STEP] + i
        if not m.runs[run, LET_GO]:
            m.runs[run, LET_GO] = 1
            if clock[LOGGED] < len(m.log):
                _write_down(m, run, s)
            _let_go(t, m, run, step)
            m.progress[run, 0], m.progress[run, 1] = t.holds[step, 1], 1.0
            if m.progress[run, 0] > 0:
                push(m.heap, m.runs, m.progress, clock, run)
                continue
        m.idle[clock[IDLE]] = run
        clock[IDLE] += 1
        _end(t, m, s, step)
        if m.requests[s, LEFT] == 0:
            _next_call(t, m, s)
            _begin_call(t, m, s, arrivals, began)
        if clock[RETRY]:
            _try_again(t, m)
    return True


@inlined
def _write_down(m: State, run: int, s: int) -> None:
    row = m.log[m.clock[LOGGED]]
    row[OF_NODE], row[OF_ROUND] = m.runs[run, NODE], m.requests[s, ROUND]
    row[OF_PHASE], row[OF_CALL] = m.requests[s, PHASE], m.requests[s, CALL]
    row[FROM], row[UNTIL] = m.runs[run, BEGAN], m.clock[NOW]
    m.clock[LOGGED] += 1


@inlined
def _next_call(t: Tables, m: State, s: int) -> None:
    row = m.requests[s]
    row[CALL] += 1
    if row[CALL] >= t.phases[row[PHASE], CALLS]:
        row[CALL], row[PHASE] = 0, (row[PHASE] + 1) % (len(t.phases) - 1)
        if row[PHASE] == 0:
            row[ROUND] += 1


@compiled
def _begin_call(t: Tables, m: State, s: int, arrivals: Array, began: Array) -> None:
    """Let a request begin its next call, the first one at the point that it has come to."""
    since, arrivals[s, 2] = arrivals[s, 2], 0
    row = m.requests[s]
    while t.phases[row[PHASE], FIRST_STEP] == t.phases[row[PHASE] + 1, FIRST_STEP]:
        _next_call(t, m, s)
    first, behind = t.phases[row[PHASE], FIRST_STEP], t.phases[row[PHASE] + 1, FIRST_STEP]
    entry = t.phases[row[PHASE], FIRST_ENTRY]
    m.clock[BEGUN] += 1
    row[AGE], row[LEFT] = m.clock[BEGUN], behind - first
    waiting = m.waiting[s]
    for i in range(behind - first):
        waiting[i] = t.steps[first + i, NEEDS]
    for e in range(t.phases[row[PHASE] + 1, FIRST_ENTRY] - entry):
        m.inside[s, e, 0], m.inside[s, e, 1] = 0, t.entries[entry + e, 1]
    for i in range(behind - first) if since < 0 else range(0):
        if began[first + i] < -since:
            waiting[i] = STARTED
            row[LEFT] -= 1
            for k in range(t.steps[first + i, USERS], t.steps[first + i + 1, USERS]):
                waiting[t.users[k]] -= 1
    for i in range(behind - first):
        if waiting[i] == 0:
            _start(t, m, s, i)


@inlined
def _start(t: Tables, m: State, s: int, i: int) -> bool:
    """Start a step, or queue it at the first resource that it must wait for. A call would take all arrays along, which
    costs more than what it does."""
    phase = m.requests[s, PHASE]
    step = t.phases[phase, FIRST_STEP] + i
    if not _enter(t, m, s, i, step):
        return False
    for k in range(t.steps[step, EXCLUSIVE], t.steps[step + 1, EXCLUSIVE]):
        if m.free[t.exclusive[k, 0]] < t.exclusive[k, 1]:
            _queue(m, t.exclusive[k, 0], phase, s * m.waiting.shape[1] + i)
            return False
    for k in range(t.steps[step, EXCLUSIVE], t.steps[step + 1, EXCLUSIVE]):
        m.free[t.exclusive[k, 0]] -= t.exclusive[k, 1]
    m.clock[IDLE] -= 1
    run = m.idle[m.clock[IDLE]]
    m.runs[run, NODE], m.runs[run, SINCE] = s * m.waiting.shape[1] + i, m.clock[NOW]
    m.runs[run, LET_GO], m.runs[run, AT], m.runs[run, SEEN], m.runs[run, BEGAN] = 0, -1, 0, m.clock[NOW]
    m.waiting[s, i] = STARTED
    m.progress[run, 0], m.progress[run, 1] = t.holds[step, 0], 1.0
    hold_channels(t, m, run, step)
    return True


@inlined
def _enter(t: Tables, m: State, s: int, i: int, step: int) -> bool:
    """Take room in the scarce memories that the step uses, and in those that come before them in its segment; or queue
    it at the first that is full."""
    phase = m.requests[s, PHASE]
    for e in range(t.steps[step, SEGMENT], t.steps[step, UPTO]):
        room = m.inside[s, e - t.phases[phase, FIRST_ENTRY]]
        if room[0]:
            continue
        slot = t.entries[e, 0]
        if m.free[slot] < 1:
            _queue(m, slot, phase, s * m.waiting.shape[1] + i)
            m.requests[s, STUCK] += 1
            return False
        m.free[slot] -= 1
        room[0] = 1
        m.retry[m.clock[RETRY], 0], m.retry[m.clock[RETRY], 1] = s, slot
        m.clock[RETRY] += 1
    return True


@compiled
def _try_again(t: Tables, m: State) -> None:
    """Try again what queued for room that its own call has meanwhile got."""
    width = m.waiting.shape[1]
    while m.clock[RETRY] > 0:
        m.clock[RETRY] -= 1
        s, slot = m.retry[m.clock[RETRY], 0], m.retry[m.clock[RETRY], 1]
        if m.requests[s, STUCK] == 0:
            continue
        phase = m.requests[s, PHASE]
        rest, many, found = m.queues[slot, phase, 0], m.queues[slot, phase, 1], 0
        m.queues[slot, phase, 0], m.queues[slot, phase, 1] = -1, 0
        for _ in range(many):
            node = rest
            rest = _merged(m.nodes, m.requests, width, m.nodes[node, 0], m.nodes[node, 1])
            if node // width == s:
                m.mine[found] = node % width
                found += 1
            else:
                _queue(m, slot, phase, node)
        m.requests[s, STUCK] -= found
        for k in range(found):
            _start(t, m, s, m.mine[k])


@inlined
def _let_go(t: Tables, m: State, run: int, step: int) -> None:
    """Give back what a run held."""
    free_channels(t, m, run, step)
    for k in range(t.steps[step, EXCLUSIVE], t.steps[step + 1, EXCLUSIVE]):
        m.free[t.exclusive[k, 0]] += t.exclusive[k, 1]
    for k in range(t.steps[step, EXCLUSIVE], t.steps[step + 1, EXCLUSIVE]):
        if _asked_for(t, m, t.exclusive[k, 0]):
            _serve(t, m, t.exclusive[k, 0])


@inlined
def _end(t: Tables, m: State, s: int, step: int) -> None:
    phase = m.requests[s, PHASE]
    m.clock[RAN] += 1
    m.clock[BOTTLENECK] += t.steps[step, WEIGHT]
    m.held[0] += t.holds[step, 0]
    m.requests[s, LEFT] -= 1
    for k in range(t.steps[step, ENTRIES], t.steps[step + 1, ENTRIES]):
        e = t.entries_of[k]
        room = m.inside[s, e - t.phases[phase, FIRST_ENTRY]]
        room[1] -= 1
        if room[1] == 0:
            m.free[t.entries[e, 0]] += 1
            if _asked_for(t, m, t.entries[e, 0]):
                _serve(t, m, t.entries[e, 0])
    waiting = m.waiting[s]
    for k in range(t.steps[step, USERS], t.steps[step + 1, USERS]):
        user = t.users[k]
        waiting[user] -= 1
        if waiting[user] == 0:
            _start(t, m, s, user)


@inlined
def _asked_for(t: Tables, m: State, resource: int) -> bool:
    """Whether anything waits for a resource: mostly nothing does, and a call takes all arrays along."""
    many = 0
    for phase in range(len(t.turns)):
        many += m.queues[resource, phase, 1]
    return many > 0


@compiled
def _serve(t: Tables, m: State, resource: int) -> None:
    """Start what waits for a resource, phase after phase and in each the oldest first, until the head of one must go on
    waiting for it."""
    width = m.waiting.shape[1]
    for phase in t.turns:
        queue = m.queues[resource, phase]
        for _ in range(queue[1]):
            if m.free[resource] <= 0:
                return
            node = queue[0]
            queue[0] = _merged(m.nodes, m.requests, width, m.nodes[node, 0], m.nodes[node, 1])
            queue[1] -= 1
            if resource >= t.first_slot:
                m.requests[node // width, STUCK] -= 1
            if not _start(t, m, node // width, node % width) and queue[0] == node:
                return


@inlined
def _queue(m: State, resource: int, phase: int, node: int) -> None:
    m.nodes[node, 0] = m.nodes[node, 1] = -1
    queue = m.queues[resource, phase]
    queue[0] = _merged(m.nodes, m.requests, m.waiting.shape[1], queue[0], node)
    queue[1] += 1


@compiled
def _merged(nodes: Array, requests: Array, width: int, a: int, b: int) -> int:
    """One heap of two, the call that began first on top, its first step first (Sleator and Tarjan, Self-Adjusting
    Heaps, SIAM J. Computing 15, 1986)."""
    root, last = -1, -1
    while a >= 0 and b >= 0:
        mine, other = a // width, b // width
        if (mine == other and b < a) or (mine != other and requests[other, AGE] < requests[mine, AGE]):
            a, b = b, a
        if last < 0:
            root = a
        else:
            nodes[last, 0] = a
        last, rest = a, nodes[a, 1]
        nodes[a, 1] = nodes[a, 0]
        nodes[a, 0] = -1
        a = rest
    rest = max(a, b)
    if last < 0:
        return rest
    nodes[last, 0] = rest
    return root
