-- Finds messages that are held until they are due and in which one of some texts stands, between two quotation
-- marks. Changes nothing.
--
-- ARGV[1]  held: sorted set, tag -> epoch at which it is due
-- ARGV[2]  unacked: hash, tag -> [message, exchange, routing_key]
-- ARGV[3]  tag of the one that was looked at last, ARGV[4] when it is due; empty: begin with the earliest
-- ARGV[5]  how many to look at, at most
-- ARGV[6]  bytes of messages after which no more are looked at
-- ARGV[7…] the texts; an empty one stands in every message
--
-- Returns { tag of the last one, when it is due, found (tag, stored value, …) }; an empty tag: there are no more.

local held, unacked, last, due = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local most, largest = tonumber(ARGV[5]), tonumber(ARGV[6])
-- Of more texts, what stands between quotation marks is looked up: that takes as long as to search for so many.
local FEW = 8
local wanted, few = {}, {}
for i = 7, #ARGV do
  wanted[ARGV[i]] = true
  few[i - 6] = '"' .. ARGV[i] .. '"'
end

local function has_one_of_few(value)
  for _, quoted in ipairs(few) do
    if string.find(value, quoted, 1, true) then
      return true
    end
  end
end

-- The body comes first in an envelope, is the largest part as a rule, and encoded.
local function has_one_of_many(value)
  local headers = string.sub(value, string.find(value, '"headers"', 1, true) or 1)
  for text in string.gmatch(headers, '[^"]+') do
    if wanted[text] then
      return true
    end
  end
end

local has_one = #few <= FEW and has_one_of_few or has_one_of_many

local first = 0
if last ~= '' then
  if redis.call('ZSCORE', held, last) == due then
    first = redis.call('ZRANK', held, last) + 1
  else -- it is gone: some that are due at the same instant are looked at twice
    first = redis.call('ZCOUNT', held, '-inf', '(' .. due)
  end
end

local page = redis.call('ZRANGE', held, first, first + most - 1, 'WITHSCORES')
local found, size, more = {}, 0, #page == 2 * most
for i = 1, #page, 2 do
  size = size + redis.call('HSTRLEN', unacked, page[i])
  if size > largest and i > 1 then
    more = true
    break
  end
  local value = redis.call('HGET', unacked, page[i])
  if value and (wanted[''] or has_one(value)) then
    found[#found + 1] = page[i]
    found[#found + 1] = value
  end
  last, due = page[i], page[i + 1]
end
return { more and last or '', due, found }
