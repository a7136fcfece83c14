-- Moves messages from queues into unacked storage (PROTOCOL 7), in one step.
--
-- KEYS      the lists to pop, in this order. Nothing else: Redis 6.2 remembers the KEYS of a script
--           for client tracking, and the lists are what the worker waits for.
-- ARGV[1,2] see step.lua
-- ARGV[3]   unacked: hash, tag -> [message, exchange, routing key]
-- ARGV[4]   its index: sorted set, tag -> epoch
-- ARGV[5]   held: sorted set, tag -> epoch at which it is due
-- ARGV[6]   what the tags of this worker begin with
-- ARGV[7]   the number in the first new tag; the others follow
-- ARGV[8]   how many messages at most
-- ARGV[9]   epoch up to which held messages are given again
-- ARGV[10…] for each list what follows the message in unacked: ,"","<queue>"]
--
-- Returns { due (tag, stored value, …), found again (tag, stored value, …),
--           popped (position in KEYS, how many, …), their messages,
--           1 if there may be more, 0 if the lists are empty now and the worker will be told, refusals }.
-- The message is not parsed: its stored form is made by concatenation. (cjson turns [] into {}.)

-- Bytes of messages after which no more are given: it is they that hold the server, in copies.
local LARGEST = 1000000
local FEW = 5 -- messages popped before their size is looked at

local unacked, index, held, prefix = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local first, limit = tonumber(ARGV[7]), tonumber(ARGV[8])

-- The tags with their stored values, without those that are not in unacked any more.
local function stored(tags)
  local found = {}
  if #tags > 0 then
    for i, value in ipairs(redis.call('HMGET', unacked, unpack(tags))) do
      if value then
        found[#found + 1] = tags[i]
        found[#found + 1] = value
      end
    end
  end
  return found
end

if done then
  -- The answer was lost with the connection: what it took is ours, and nobody else would bring it.
  local tags, due = {}, {}
  for number = first, first + limit - 1 do
    tags[#tags + 1] = prefix .. number
  end
  for tag in string.gmatch(redis.call('HGET', record, 'due') or '', '%S+') do
    due[#due + 1] = tag
  end
  return { stored(due), stored(tags), {}, {}, 1, {} }
end

local size = 0

-- The first of these tags, as many as are not too large together.
local function fitting(tags)
  local fit = {}
  for i, tag in ipairs(tags) do
    size = size + redis.call('HSTRLEN', unacked, tag)
    if size > LARGEST and i > 1 then
      break
    end
    fit[i] = tag
  end
  return fit
end

local due = fitting(redis.call('ZRANGEBYSCORE', held, '-inf', ARGV[9], 'LIMIT', 0, limit))
local due_stored = stored(due)
if #due > 0 then
  redis.call('ZREM', held, unpack(due))
end

local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
local popped, messages, refusals = {}, {}, {}
local room = limit - #due

local function record_unacked(batch, suffix)
  local fields, scores = {}, {}
  for _, message in ipairs(batch) do
    local tag = prefix .. (first + #messages)
    messages[#messages + 1] = message
    fields[#fields + 1] = tag
    fields[#fields + 1] = '[' .. message .. suffix
    scores[#scores + 1] = now
    scores[#scores + 1] = tag
  end
  redis.call('HSET', unacked, unpack(fields))
  redis.call('ZADD', index, unpack(scores))
end

local function pop(i, list)
  local batch = {}
  while #batch < room and size < LARGEST do
    local few = redis.pcall('RPOP', list, math.min(room - #batch, FEW))
    if not few then
      break
    elseif few.err then
      refusals[#refusals + 1] = 'queue ' .. list .. ': ' .. few.err
      break
    end
    for _, message in ipairs(few) do
      batch[#batch + 1] = message
      size = size + #message
    end
    if #few < FEW then
      break
    end
  end
  if #batch > 0 then
    popped[#popped + 1] = i
    popped[#popped + 1] = #batch
    room = room - #batch
    record_unacked(batch, ARGV[9 + i])
  end
end

for i, list in ipairs(KEYS) do
  pop(i, list)
end

local more = 1
if room > 0 and size < LARGEST then
  -- All are empty. Having been read, each is remembered for this connection (CLIENT TRACKING), and
  -- the server will push one message when it changes.
  more = 0
  for _, list in ipairs(KEYS) do
    redis.pcall('LLEN', list)
  end
end

if #due > 0 or #messages > 0 then
  redis.call('HSET', record, 'step', step, 'due', table.concat(due, ' '))
end
return { due_stored, {}, popped, messages, more, refusals }
