using System.Text.RegularExpressions;

namespace KvStore.Chaos.Rig;

/// <summary>How a member is started: a command line with places for what differs.</summary>
/// <remarks>
/// <c>{name} {data-dir} {client-url} {peer-url} {initial-cluster} {state} {token}</c> are filled in. A template without any of
/// them is a program with etcd's flags, and gets those that a member needs behind its own words.
/// </remarks>
internal sealed partial class ServerCommand(string template)
{
    public const int ElectionMilliseconds = 1000;
    public const int HeartbeatMilliseconds = 100;

    private const string MemberFlags =
        "--name={name} --data-dir={data-dir} --listen-client-urls={client-url} --advertise-client-urls={client-url} "
        + "--listen-peer-urls={peer-url} --initial-advertise-peer-urls={peer-url} --initial-cluster={initial-cluster} "
        + "--initial-cluster-state={state} --initial-cluster-token={token}";

    // Few entries are kept, so that who was away for a little while needs a snapshot.
    private const string StormFlags =
        "--election-timeout=1000 --heartbeat-interval=100 --snapshot-count=1000 --experimental-snapshot-catchup-entries=500";

    public string Template => template;

    public string Program => Words(template)[0];

    /// <exception cref="RigException">A place is of no known name.</exception>
    public IReadOnlyList<string> For(IReadOnlyDictionary<string, string> places)
    {
        bool isWhole = Places().IsMatch(template);
        return [.. Words(isWhole ? template : $"{template} {MemberFlags} {StormFlags}").Select(word => Fill(word, places))];
    }

    private static string Fill(string word, IReadOnlyDictionary<string, string> places) =>
        Places().Replace(word, match => places.TryGetValue(match.Groups[1].Value, out string? value)
            ? value
            : throw new RigException(
                $"the server's command has {match.Value}, known are {string.Join(' ', places.Keys.Select(key => $"{{{key}}}"))}"));

    private static string[] Words(string text) =>
        text.Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } words
            ? words
            : throw new RigException("the server's command is empty");

    [GeneratedRegex(@"\{([a-z-]+)\}")]
    private static partial Regex Places();
}
