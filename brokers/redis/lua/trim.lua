-- Keeps a list of dead letters within its bounds, in front of the scripts that do.
-- The newest is at its head.

-- Most that age removes at once, so that no call stops the server for long.
local CHUNK = 100

-- Removes what is beyond `most`, and up to CHUNK of what is older than the time `oldest`. Returns how
-- many age has removed.
--
-- Times are texts, in entries as `"time":"…"`, whose order is that of time (brokers/dead_letter.py).
-- Inside of a JSON string each quote has a backslash before it: the pattern finds none of these.
local function trim(list, most, oldest)
  redis.pcall('LTRIM', list, 0, most - 1)
  for removed = 0, CHUNK - 1 do
    local last = redis.pcall('LINDEX', list, -1)
    local time = type(last) == 'string' and string.match(last, '"time": ?"([^"]*)"')
    if not time or time >= oldest then
      return removed
    end
    redis.call('RPOP', list)
  end
  return CHUNK
end
