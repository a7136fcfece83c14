-- Stores a result document and announces it, unless a SUCCESS is already there (PROTOCOL 10.3).
--
-- KEYS[1]  the result's key, which is the name of its channel too
-- ARGV[1]  the document
-- ARGV[2]  seconds for which it is kept; 0: for ever
-- Returns 1, or 0 when a SUCCESS was there.
--
-- A compressed document cannot be read here and counts as not final: the other way round, a
-- compressed STARTED would keep every result out.

local function is_success(document)
  if not document or not document:find('"SUCCESS"', 1, true) then
    return false
  end
  local readable, fields = pcall(cjson.decode, document)
  if readable then
    return type(fields) == 'table' and fields.status == 'SUCCESS'
  end
  -- cjson gives up at 1,000 levels. Status is what every writer puts first.
  return document:find('^{"status": ?"SUCCESS"') ~= nil
end

if is_success(redis.call('GET', KEYS[1])) then
  return 0
end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
