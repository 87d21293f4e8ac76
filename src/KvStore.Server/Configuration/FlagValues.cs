using System.Numerics;

namespace KvStore.Server.Configuration;

/// <summary>What was set, by whatever means, over the defaults of the table. Every text in it is valid for its flag.</summary>
internal sealed class FlagValues
{
    private readonly Dictionary<string, FlagSetting> _settings = [];

    public IEnumerable<FlagSetting> Settings => _settings.Values;

    public bool IsSet(string name) => _settings.ContainsKey(name);

    /// <summary>The last setting of a flag wins.</summary>
    public void Set(FlagSetting setting) => _settings[setting.Flag.Name] = setting;

    public FlagSetting? Find(string name) => _settings.GetValueOrDefault(name);

    public string Text(string name) =>
        _settings.TryGetValue(name, out FlagSetting? setting) ? setting.Text : Known(name).Default;

    public bool Bool(string name) => GoSyntax.TryParseBool(Text(name), out bool value) && value;

    public long Integer(string name)
    {
        if (!GoSyntax.TryParseInteger(Text(name), out BigInteger value))
            throw new InvalidOperationException($"The text of --{name} was not checked.");
        return (long)value;
    }

    public TimeSpan Duration(string name)
    {
        if (!GoSyntax.TryParseDuration(Text(name), out TimeSpan value))
            throw new InvalidOperationException($"The text of --{name} was not checked.");
        return value;
    }

    public IReadOnlyList<EtcdUrl> Urls(string name) => Text(name) is { Length: > 0 } text ? EtcdUrl.ParseList(text) : [];

    /// <summary>Without empty parts, each once.</summary>
    public IReadOnlyList<string> List(string name) =>
        [.. Text(name).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Distinct()];

    private static Flag Known(string name) =>
        FlagTable.Find(name) ?? throw new InvalidOperationException($"The table has no flag --{name}.");
}
