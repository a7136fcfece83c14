-- Ends the care for messages: each leaves unacked storage, and what follows from its end happens in
-- the same step; nothing does if it is not in unacked any more (PROTOCOL 8.1, 10.3).
--
-- ARGV[1,2] see step.lua
-- ARGV[3]   unacked          ARGV[4]  its index
-- ARGV[5]   database of the results
-- ARGV[6]   database of the broker
-- ARGV[7]   how many dead letters a queue keeps
-- ARGV[8]   the time of the oldest one that is kept
-- ARGV[9]   how many tags follow that have only to be removed
-- ARGV[10…] these tags; then for each other settlement:
--           tag (empty: removed before, no fence),
--           number of steps of chords, each: kind and arguments, see chord.lua, with the list and the
--           message to be pushed: size; part, list, message; end, list, message
--           number of documents, each: key, document, seconds to keep (0: for ever), over (document.lua),
--           number of messages, each: list, message, RPUSH (head) or LPUSH (tail),
--           number of dead letters, each: list, entry
--
-- Returns { fenced tags, refusals }.
-- After a removal nothing may raise: Redis does not roll back, and what was to follow would be lost.
-- Every settlement begins with its removal: out of memory, Redis refuses what needs memory only
-- until a script has done its first write that needs none.

if done then
  return { {}, {} }
end

local unacked, index = ARGV[3], ARGV[4]
local fenced, refusals = {}, problems
local buried_in = {} -- lists of dead letters, as keys
local at = 10

local function next_argument()
  at = at + 1
  return ARGV[at - 1]
end

local function next_arguments(count)
  at = at + count
  return unpack(ARGV, at - count, at - 1)
end

local function refused(problem)
  if problem then
    refusals[#refusals + 1] = problem
  end
end

local function push(command, list, ...)
  local reply = redis.pcall(command, list, ...)
  if type(reply) == 'table' then
    refused('list ' .. list .. ': ' .. reply.err)
  end
end

local function remove_plain(count)
  if count == 0 then
    return
  end
  if redis.call('HDEL', unacked, unpack(ARGV, at, at + count - 1)) == count then
    redis.call('ZREM', index, unpack(ARGV, at, at + count - 1))
    at = at + count
    return
  end
  for _ = 1, count do
    local tag = next_argument()
    if redis.call('ZREM', index, tag) == 0 then
      fenced[#fenced + 1] = tag
    end
  end
end

local function remove(tag)
  local ours = redis.call('HDEL', unacked, tag) == 1 or tag == ''
  if ours then
    redis.call('ZREM', index, tag)
  else
    fenced[#fenced + 1] = tag
  end
  return ours
end

-- Whether the database of the results could be selected.
local function select_results()
  if ARGV[5] == ARGV[6] then
    return true
  end
  local reply = redis.pcall('SELECT', ARGV[5])
  if reply.err then
    refused('database ' .. ARGV[5] .. ' of the results: ' .. reply.err)
    return false
  end
  return true
end

local function select_broker()
  if ARGV[5] ~= ARGV[6] then
    redis.call('SELECT', ARGV[6])
  end
end

-- Adds what is to be pushed to `pushes`. Whether the rest of the settlement happens.
local function step_chord(doing, pushes)
  local kind = next_argument()
  if kind == 'size' then
    local key, size, expires, structure = next_arguments(4)
    if doing then
      begin_chord(key, size, expires, structure)
    end
    return true
  elseif kind == 'part' then
    local key, member, entry, score, expires, list, message = next_arguments(7)
    if doing and count_part(key, member, entry, score, expires) then
      pushes[#pushes + 1] = { list, message }
    end
    return true
  end
  local key, expires, list, message = next_arguments(4)
  local outcome = doing and end_chord(key, expires, false)
  if outcome == 'claimed' then
    pushes[#pushes + 1] = { list, message }
  end
  return outcome == 'open'
end

-- What happens where the results are. Whether the rest of the settlement happens.
local function store(ours)
  local happens, pushes = ours, {}
  local chords = tonumber(next_argument())
  local selected = ours and (chords > 0 or tonumber(ARGV[at]) > 0) and select_results()
  for _ = 1, chords do
    happens = step_chord(selected and happens, pushes) and happens
  end
  for _ = 1, tonumber(next_argument()) do
    local key, document, expires, over = next_arguments(4)
    if selected and happens then
      refused(write(key, document, expires, over))
    end
  end
  if selected then
    select_broker()
  end
  for _, each in ipairs(pushes) do
    push('RPUSH', each[1], each[2])
  end
  return happens
end

local function push_all(ours)
  for _ = 1, tonumber(next_argument()) do
    local list, message, command = next_arguments(3)
    if ours then
      push(command, list, message)
    end
  end
end

local function bury_all(ours)
  for _ = 1, tonumber(next_argument()) do
    local list, entry = next_arguments(2)
    if ours then
      push('LPUSH', list, entry)
      buried_in[list] = true
    end
  end
end

remove_plain(tonumber(ARGV[9]))
while at <= #ARGV do
  local ours = store(remove(next_argument()))
  push_all(ours)
  bury_all(ours)
end
for list in pairs(buried_in) do
  trim(list, ARGV[7], ARGV[8])
end
redis.call('HSET', record, 'step', step)
return { fenced, refusals }
