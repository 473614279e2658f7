-- wrk's part of `make bench`: asks QUERIES different queries by POST, once each, and says how long that took. wrk runs
-- for a fixed time, so the clock is read here: from the first request to the last answer. Up to a request per
-- connection is sent beyond the last one that counts.
local ffi = require("ffi")
ffi.cdef [[ typedef struct { long seconds; long nanoseconds; } moment; int clock_gettime(int clock, moment *now); ]]
local queries, time = tonumber(os.getenv("QUERIES")), os.getenv("TIME")
local sent, answered, refused, began = -1, 0, 0, 0 -- wrk calls request() once to try it out

local function monotonic()
  local now = ffi.new("moment")
  ffi.C.clock_gettime(1, now)
  return tonumber(now.seconds) + tonumber(now.nanoseconds) / 1e9
end

local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }

function request()
  sent = sent + 1
  if sent == 1 then began = monotonic() end
  local shard = (sent - 1) % queries + 1
  return wrk.format("POST", nil, headers, "query=bulk_value%7Bshard%3D%22" .. shard .. "%22%7D&time=" .. time)
end

function response(status)
  answered = answered + 1
  if status ~= 200 then refused = refused + 1 end
  if answered == queries then
    io.write(string.format("took %.6f refused %d\n", monotonic() - began, refused))
    io.flush()
    wrk.thread:stop()
  end
end
