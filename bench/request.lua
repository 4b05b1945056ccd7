-- The token request that wrk repeats, and one line of JSON for bench/run.py at the end.

wrk.method = "POST"
wrk.body = "grant_type=client_credentials&scope=orders%2Fread"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["x-api-key"] = os.getenv("API_KEY")

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
