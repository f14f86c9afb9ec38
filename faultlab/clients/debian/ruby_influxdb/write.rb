# Writes the manifest with influxdb, the client of InfluxDB 1 for Ruby, and its defaults.
#
#     write.rb sync|stop|live

require 'influxdb'
require 'json'
require 'uri'

# Yields the lines of each tick, those with one timestamp, once all of them are declared to be handed over.
def ticks(&block)
  text = File.read(ENV.fetch('FAULTLAB_INPUT'))
  File.write(ENV.fetch('FAULTLAB_MANIFEST'), text)
  text.lines(chomp: true).chunk_while { |one, next_one| time(one) == time(next_one) }.each(&block)
end

def time(line)
  line.rpartition(' ').last
end

# Gives a line as the client's own point: it takes no line protocol. The manifest has no escapes, and floats only.
def point(line)
  series, fields, timestamp = line.split
  measurement, *tags = series.split(',')
  values = fields.split(',').to_h { |pair| pair.split('=') }.transform_values(&:to_f)
  { series: measurement, tags: tags.to_h { |tag| tag.split('=') }, values: values, timestamp: timestamp.to_i }
end

# Reports what the application was told of some lines: ok or failed.
def tell(told, lines, message = '')
  said = { told: told, message: message[0, 2000], lines: lines.join("\n") }
  File.open(ENV.fetch('FAULTLAB_REPORT'), 'a') { |report| report.puts(JSON.generate(said)) }
end

way = ARGV.fetch(0)
where = URI.parse(ENV.fetch('INFLUX_HOST'))
client = InfluxDB::Client.new(
  ENV.fetch('INFLUX_BUCKET'),
  host: where.host,
  port: where.port,
  use_ssl: where.scheme == 'https',
  username: 'faultlab',
  password: ENV.fetch('INFLUX_TOKEN'),
  time_precision: 'ns',
  async: way != 'sync'
)
failed = false
ticks do |lines|
  begin
    client.write_points(lines.map { |line| point(line) })
    # A thread writes later, and only says on standard error what went wrong.
    tell('ok', lines) if way == 'sync'
  rescue StandardError => e
    failed = true
    tell('failed', lines, "#{e.class}: #{e.message}")
  end
end
# Its threads look every few seconds; at exit they are stopped, and what is queued is written.
sleep 20 if way == 'live'
exit(failed ? 1 : 0)
