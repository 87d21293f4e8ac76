using Orchestrator.Api.RbacV1;

namespace Orchestrator.Api.Rbac;

/// <summary>Reads rules from the lines of a table: one role and its rules below it.</summary>
/// <remarks>
/// <code>
/// role NAME                                  a role, without rules perhaps
///   VERBS | GROUPS | RESOURCES [| NAMES]     lists parted by spaces; the group "core" is "", the verbs R and W stand for all of
///   VERBS | urls | PATHS                     reading (get list watch) and writing (create update patch delete deletecollection)
///   events                                   may record events, in both of their groups
/// </code>
/// </remarks>
internal static class PolicyTable
{
    private static readonly string[] Read = ["get", "list", "watch"];
    private static readonly string[] Write = ["create", "delete", "deletecollection", "patch", "update"];

    public static IEnumerable<(string Name, List<PolicyRule> Rules)> Parse(string table)
    {
        string? name = null;
        var rules = new List<PolicyRule>();
        foreach (string line in table.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!line.StartsWith("role ", StringComparison.Ordinal))
            {
                rules.Add(Rule(line));
                continue;
            }
            if (name is not null)
                yield return (name, rules);
            (name, rules) = (line["role ".Length..], []);
        }
        if (name is not null)
            yield return (name, rules);
    }

    private static PolicyRule Rule(string line)
    {
        if (line == "events")
            return Rule("create patch update | core events.k8s.io | events");
        string[] columns = line.Split('|', StringSplitOptions.TrimEntries);
        var verbs = Words(columns[0]).SelectMany(word => word switch { "R" => Read, "W" => Write, _ => [word] })
            .Distinct().Order(StringComparer.Ordinal).ToList();
        if (columns[1] == "urls")
            return new PolicyRule { Verbs = verbs, NonResourceURLs = Words(columns[2]) };
        return new PolicyRule
        {
            Verbs = verbs,
            ApiGroups = [.. Words(columns[1]).Select(group => group == "core" ? "" : group)],
            Resources = Words(columns[2]),
            ResourceNames = columns.Length > 3 ? Words(columns[3]) : null,
        };
    }

    private static List<string> Words(string column) => [.. column.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
}
