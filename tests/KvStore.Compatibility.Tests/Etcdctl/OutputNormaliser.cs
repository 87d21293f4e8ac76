using System.Globalization;
using System.Text.RegularExpressions;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>Puts words in place of what two servers, or two runs, print differently by their nature.</summary>
internal sealed partial class OutputNormaliser
{
    private readonly Dictionary<string, string> _leases = [];

    /// <summary>Who leads, and where an added member's id comes in their order, is chance: lines are compared sorted.</summary>
    public bool HasMembersInAnyOrder { get; init; }

    /// <summary>Prints the lease by this name from now on, in hex and in decimal.</summary>
    public void Name(string variable, string hexId)
    {
        _leases[hexId] = variable;
        _leases[long.Parse(hexId, NumberStyles.HexNumber, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)] = variable;
    }

    /// <summary>The lease that etcdctl's output tells of, in hex.</summary>
    public static string LeaseIn(string output)
    {
        if (GrantedLine().Match(output) is { Success: true } line)
            return line.Groups[1].Value;
        var id = GrantedId().Match(output);
        Assert.True(id.Success, $"no lease was granted: {output}");
        return long.Parse(id.Groups[1].Value, CultureInfo.InvariantCulture).ToString("x16", CultureInfo.InvariantCulture);
    }

    public string Normalise(EtcdctlOutput output)
    {
        string exit = output.ExitCode is { } code ? $"exit {code}\n" : "";
        // etcdctl's own log, about its connections, is not its answer.
        var errors = output.Errors.Split('\n').Where(line => line.Length > 0 && !line.StartsWith("{\"level\"", StringComparison.Ordinal));
        return exit + Normalise(output.Text) + string.Concat(errors.Select(line => $"\n! {Normalise(line)}"));
    }

    private string Normalise(string text)
    {
        text = BoxCorner().Replace(text, "+").Replace('│', '|').Replace('─', '-');
        text = Address().Replace(text, "ADDRESS");
        text = LongNumber().Replace(text, id => _leases.GetValueOrDefault(id.Value, "ID"));
        text = Took().Replace(text, "TIME");
        text = Remaining().Replace(text, "remaining(SECONDS)");
        text = RemainingField().Replace(text, "$1SECONDS$2");
        text = ServerField().Replace(text, "\"$1\": NUMBER");
        text = Version().Replace(text, "VERSION");
        text = Size().Replace(text, "SIZE");
        text = RaftColumns().Replace(text, "$1$2$3$2NUMBER$2NUMBER$2NUMBER");
        text = HashColumn().Replace(text, "ADDRESS$1HASH");
        text = AttachedKeys().Replace(text, keys => $"attached keys([{string.Join(' ', keys.Groups[1].Value.Split(' ').Order())}])");
        // The rest of a table: its columns are as wide as what was in them.
        text = TableRule().Replace(TablePadding().Replace(text, "|"), "-+");
        if (!HasMembersInAnyOrder)
            return text;
        text = PaddedId().Replace(text, " ID");
        text = InitialCluster().Replace(text, list => $"{list.Groups[1].Value}\"{string.Join(',', list.Groups[2].Value.Split(',').Order())}\"");
        return string.Join('\n', text.Split('\n').Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"lease ([0-9a-f]+) granted")]
    private static partial Regex GrantedLine();

    [GeneratedRegex("\"ID\" ?: ?(-?[0-9]+)")]
    private static partial Regex GrantedId();

    [GeneratedRegex(@"(?:http://)?127\.0\.0\.1:[0-9]+")]
    private static partial Regex Address();

    /// <summary>Ids of leases, members and clusters: hex and decimal.</summary>
    [GeneratedRegex(@"\b(?:[0-9a-f]{13,16}|[0-9]{15,20})\b")]
    private static partial Regex LongNumber();

    [GeneratedRegex(@"\b[0-9.]+(?:ns|µs|ms|s)\b(?<=took = \S+|""took"":""\S+|\| +\S+)")]
    private static partial Regex Took();

    [GeneratedRegex(@"remaining\([0-9]+s\)")]
    private static partial Regex Remaining();

    /// <summary>JSON and fields of timetolive, which alone has a granted TTL beside the remaining one.</summary>
    [GeneratedRegex("(\"(?:ttl|TTL)\" ?: ?)[0-9]+(,?\\s*\"(?:granted-ttl|GrantedTTL)\")")]
    private static partial Regex RemainingField();

    [GeneratedRegex("\"((?:cluster_?id|member_?id|raft_?term|raft_?index|raft_?applied_?index|db_?size(?:_?in_?use)?|leader|hash))\" ?: ?[0-9]+", RegexOptions.IgnoreCase)]
    private static partial Regex ServerField();

    [GeneratedRegex(@"\b3\.[0-9]+\.[0-9]+\b")]
    private static partial Regex Version();

    [GeneratedRegex(@"\b[0-9]+(?:\.[0-9]+)? [kMG]?B\b")]
    private static partial Regex Size();

    /// <summary>endpoint status: is leader, is learner, term, index, applied index.</summary>
    [GeneratedRegex(@"\b(true|false)( ?[,|] +)(true|false) ?[,|] +[0-9]+ ?[,|] +[0-9]+ ?[,|] +[0-9]+")]
    private static partial Regex RaftColumns();

    [GeneratedRegex(@"ADDRESS( ?[,|] )[0-9]+(?= *(?:$|\|))", RegexOptions.Multiline)]
    private static partial Regex HashColumn();

    /// <summary>etcdctl fills an id that begins with zeros up with spaces.</summary>
    [GeneratedRegex(" +ID")]
    private static partial Regex PaddedId();

    /// <summary>What member add says that the new member is to be started with.</summary>
    [GeneratedRegex("(ETCD_INITIAL_CLUSTER=)\"([^\"]*)\"")]
    private static partial Regex InitialCluster();

    /// <summary>A lease's keys come in no order.</summary>
    [GeneratedRegex(@"attached keys\(\[([^\]]*)\]\)")]
    private static partial Regex AttachedKeys();

    /// <summary>etcdctl 3.5 draws tables in lines, 3.4 in letters.</summary>
    [GeneratedRegex("[┌┬┐├┼┤└┴┘]")]
    private static partial Regex BoxCorner();

    [GeneratedRegex(@" *\| *")]
    private static partial Regex TablePadding();

    [GeneratedRegex(@"-+\+")]
    private static partial Regex TableRule();
}
