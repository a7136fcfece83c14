-- Stores result documents, in front of the scripts that do (PROTOCOL 10.3).

local function set(key, document, expires)
  if expires == '0' then
    return redis.pcall('SET', key, document, 'GET')
  end
  return redis.pcall('SET', key, document, 'EX', expires, 'GET')
end

-- Store and announce, unless a SUCCESS is there; with `over`, names of states, unless anything but one of
-- these is. Returns nil, or an error's text.
--
-- SET … GET, and back if need be, not GET first: what a script reads, the server remembers for a
-- connection with client tracking, and it would tell us of every result that changes or expires.
local function write(key, document, expires, over)
  local old = set(key, document, expires)
  if type(old) == 'table' and old.err then
    return 'result ' .. key .. ': ' .. old.err
  end
  local state = old and (string.match(old, '^{"status": ?"(%u+)"') or 'unknown')
  local stays = state == 'SUCCESS'
  if state and over ~= '' then
    stays = not string.find(' ' .. over .. ' ', ' ' .. state .. ' ', 1, true)
  end
  if stays then
    set(key, old, expires)
  else
    -- A user without rights to the channel must not stop what follows: nothing is rolled back.
    local reply = redis.pcall('PUBLISH', key, document)
    if type(reply) == 'table' then
      return 'announcement of ' .. key .. ': ' .. reply.err
    end
  end
end
