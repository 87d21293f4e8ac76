using System.Globalization;
using KvStore.Server.Logging;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KvStore.Server.Configuration;

/// <summary>The file of <c>--config-file</c>: YAML, or JSON, which is YAML too; its keys are the flags' names.</summary>
/// <remarks>
/// etcd's peculiarities: durations may be integers and then count nanoseconds; the TLS flags stand in two blocks, with names
/// that differ a little from the flags'.
/// <code>
/// name: m1
/// grpc-keepalive-interval: 7200000000000     # or 2h
/// client-transport-security:
///   cert-file: server.pem
/// </code>
/// </remarks>
internal sealed class ConfigurationFile
{
    private static readonly Dictionary<string, Func<string, string>> Blocks = new()
    {
        ["client-transport-security"] = key => key switch
        {
            "allowed-hostname" => "client-cert-allowed-hostname",
            _ => key,
        },
        ["peer-transport-security"] = key => key switch
        {
            "allowed-cn" => "peer-cert-allowed-cn",
            "allowed-hostname" => "peer-cert-allowed-hostname",
            _ => "peer-" + key,
        },
        ["socket-options"] = key => "socket-" + key,
        ["discovery-config"] = key => "discovery-" + key,
    };

    private readonly string _path;
    private readonly FlagValues _values;
    private readonly ICollection<ConfigurationNotice> _notices;
    private readonly List<string> _problems = [];

    private ConfigurationFile(string path, FlagValues values, ICollection<ConfigurationNotice> notices)
    {
        _path = path;
        _values = values;
        _notices = notices;
    }

    /// <exception cref="ConfigurationException">It is not such a file, or says something that a flag cannot be.</exception>
    public static FlagValues Read(string path, string content, ICollection<ConfigurationNotice> notices)
    {
        var values = new FlagValues();
        var file = new ConfigurationFile(path, values, notices);
        file.ReadMapping(file.Parse(content), key => key);
        return file._problems.Count == 0 ? values : throw new ConfigurationException(file._problems);
    }

    private YamlMappingNode Parse(string content)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(content));
        }
        catch (YamlException fault)
        {
            throw new ConfigurationException($"{_path}:{fault.Start.Line}: this is not YAML: {fault.Message}");
        }
        YamlNode root = stream.Documents.Count == 0 ? new YamlMappingNode() : stream.Documents[0].RootNode;
        return root switch
        {
            YamlMappingNode mapping => mapping,
            // An empty file, or one of comments only.
            YamlScalarNode scalar when IsNull(scalar) => new YamlMappingNode(),
            _ => throw new ConfigurationException(
                $"{_path}: the file must be a mapping of flag names to values, such as \"name: m1\""),
        };
    }

    private void ReadMapping(YamlMappingNode mapping, Func<string, string> nameOf)
    {
        foreach ((YamlNode keyNode, YamlNode value) in mapping.Children)
        {
            string key = keyNode is YamlScalarNode { Value: { } text } ? text : keyNode.ToString();
            if (value is YamlMappingNode block && Blocks.TryGetValue(key, out Func<string, string>? nameInBlock))
                ReadMapping(block, nameInBlock);
            else if (FlagTable.Find(nameOf(key)) is { IsHidden: false } flag)
                ReadSetting(flag, key, nameOf(key), Place(keyNode), value);
            else
                _notices.Add(new(LogLevel.Warn, "unrecognized configuration key", ("path", Place(keyNode)), ("key", key)));
        }
    }

    private void ReadSetting(Flag flag, string key, string spelling, string place, YamlNode value)
    {
        string? text = value switch
        {
            YamlScalarNode scalar when IsNull(scalar) => null,
            YamlScalarNode scalar => TextOf(flag, scalar),
            YamlSequenceNode list when flag.Type is FlagType.List or FlagType.Urls or FlagType.FeatureGates =>
                string.Join(',', list.Children.Select(item => (item as YamlScalarNode)?.Value)),
            _ => throw new ConfigurationException($"{place}: {key} takes one value"),
        };
        if (text is null)
            return;
        if (FlagSyntax.FindProblem(flag, text) is { } problem)
            _problems.Add($"{place}: invalid value {(flag.IsSecret ? "(secret)" : GoSyntax.Quote(text))} for {key}: {problem}");
        else
            _values.Set(new FlagSetting(flag, spelling, text));
    }

    private static string TextOf(Flag flag, YamlScalarNode scalar)
    {
        string text = scalar.Value ?? "";
        bool isNumber = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);
        return flag.Type == FlagType.Duration && isNumber ? text + "ns" : text;
    }

    private string Place(YamlNode node) => string.Create(CultureInfo.InvariantCulture, $"{_path}:{node.Start.Line}");

    private static bool IsNull(YamlScalarNode scalar) =>
        scalar.Style == ScalarStyle.Plain && scalar.Value is null or "" or "~" or "null" or "Null" or "NULL";
}
