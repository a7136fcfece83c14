-- Removes dead letters that are too many or too old; see trim.lua.
--
-- ARGV[1]  the list          ARGV[2]  how many it keeps
-- ARGV[3]  the time of the oldest one that is kept
--
-- Returns 1 if there may be more to remove.

return trim(ARGV[1], ARGV[2], ARGV[3]) and 1 or 0
