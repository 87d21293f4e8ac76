using System.CommandLine;
using KvStore.Server.Bench.Load;

namespace KvStore.Server.Bench;

/// <summary>The options that all workloads of <c>kvstore bench</c> share.</summary>
internal sealed class BenchOptions
{
    private readonly Option<string> _endpoints = new("--endpoints")
    {
        Description = "Client URLs, separated by commas; the connections go to them in turn",
        DefaultValueFactory = _ => "127.0.0.1:2379",
    };

    private readonly Option<bool> _allowRemote = new("--allow-remote") { Description = "Also load a server on another machine" };

    private readonly Option<int> _connections = Count("--connections", "Connections", 1);

    private readonly Option<int> _streams = Count("--streams", "Clients on each connection", 1);

    private readonly Option<long> _total = Count("--total", "End after so many requests (events where watched)", 100_000L);

    private readonly Option<double> _duration = Positive("--duration", "End after so many seconds at the latest", 60);

    private readonly Option<long> _warmUp = new("--warm-up") { Description = "Requests before the measured ones" };

    private readonly Option<double?> _rate = new("--rate")
    {
        Description = "Requests a second over all clients; latency then counts from when a request was due",
    };

    private readonly Option<int> _keySize = Count("--key-size", "Bytes of a key", 16);

    private readonly Option<string> _prefix = new("--prefix")
    {
        Description = "What all keys begin with",
        DefaultValueFactory = _ => "bench/",
    };

    private readonly Option<long> _keySpace = Count("--key-space", "Different keys", 100_000L);

    private readonly Option<int> _valueSize = new("--value-size")
    {
        Description = "Bytes of a value",
        DefaultValueFactory = _ => 256,
    };

    private readonly Option<bool> _sequential = new("--sequential") { Description = "Keys in order instead of at random" };

    private readonly Option<int> _seed = new("--seed") { Description = "Of the random keys", DefaultValueFactory = _ => 1 };

    private readonly Option<string?> _json = new("--json") { Description = "Also write the result to this file" };

    public void AddTo(Command command)
    {
        Option[] all =
        [
            _endpoints, _allowRemote, _connections, _streams, _total, _duration, _warmUp, _rate,
            _keySize, _prefix, _keySpace, _valueSize, _sequential, _seed, _json,
        ];
        foreach (var option in all)
            command.Options.Add(option);
    }

    /// <exception cref="LoadException">An endpoint that cannot be used.</exception>
    public LoadSettings Read(ParseResult arguments) => new()
    {
        Endpoints = EndpointParser.Parse(arguments.GetValue(_endpoints)!, arguments.GetValue(_allowRemote)),
        Connections = arguments.GetValue(_connections),
        StreamsPerConnection = arguments.GetValue(_streams),
        RequestLimit = arguments.GetValue(_total),
        DurationLimit = TimeSpan.FromSeconds(arguments.GetValue(_duration)),
        WarmUpRequests = arguments.GetValue(_warmUp),
        RatePerSecond = arguments.GetValue(_rate),
        ValueBytes = arguments.GetValue(_valueSize),
        Keys = new KeySpace
        {
            Prefix = arguments.GetValue(_prefix)!,
            KeyBytes = arguments.GetValue(_keySize),
            Count = arguments.GetValue(_keySpace),
            IsSequential = arguments.GetValue(_sequential),
            Seed = arguments.GetValue(_seed),
        },
    };

    /// <summary>The file for the result, or null.</summary>
    public string? JsonFile(ParseResult arguments) => arguments.GetValue(_json);

    /// <summary>An option whose value is at least 1.</summary>
    public static Option<T> Count<T>(string name, string description, T defaultValue)
        where T : System.Numerics.INumber<T>
    {
        var option = new Option<T>(name) { Description = description, DefaultValueFactory = _ => defaultValue };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<T>() is { } value && value < T.One)
                result.AddError($"{name} must be at least 1.");
        });
        return option;
    }

    private static Option<double> Positive(string name, string description, double defaultValue)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => defaultValue };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is <= 0 or double.NaN)
                result.AddError($"{name} must be above 0.");
        });
        return option;
    }
}
