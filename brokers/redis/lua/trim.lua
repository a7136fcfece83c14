-- Keeps a list of dead letters within its bounds, in front of the scripts that do.
-- The newest is at its head.

-- Most that age removes at once, and bytes of letters after which it stops: no call holds the server for long.
local CHUNK, LARGEST = 100, 1000000

-- Removes what is beyond `most`, and some of what is older than the time `oldest`. Returns whether there may
-- be more.
--
-- Times are texts, in entries as `"time":"…"`, whose order is that of time (brokers/dead_letter.py).
-- Inside of a JSON string each quote has a backslash before it: the pattern finds none of these.
local function trim(list, most, oldest)
  redis.pcall('LTRIM', list, 0, most - 1)
  local size = 0
  for _ = 1, CHUNK do
    local last = redis.pcall('LINDEX', list, -1)
    local time = type(last) == 'string' and string.match(last, '"time": ?"([^"]*)"')
    if not time or time >= oldest then
      return false
    end
    redis.call('RPOP', list)
    size = size + #last
    if size > LARGEST then
      break
    end
  end
  return true
end
