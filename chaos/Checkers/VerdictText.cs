using System.Text.Json;
using System.Text.Json.Nodes;
using KvStore.Chaos.Checkers.Store;

namespace KvStore.Chaos.Checkers;

/// <summary>A verdict for people, and for programs.</summary>
public static class VerdictText
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void Write(Verdict verdict, TextWriter output)
    {
        foreach (var result in verdict.Results)
        {
            string state = result.ViolationCount > 0 ? $"{result.ViolationCount} VIOLATIONS" : result.Undecided.Count > 0
                ? "UNDECIDED" : "ok";
            output.WriteLine(FormattableString.Invariant($"{result.Checker,-15} {state,-14} {result.Elapsed.TotalSeconds,7:0.00} s   {Figures(result)}"));
            foreach (var violation in result.Violations.Take(5))
                output.WriteLine($"  {Wording.Seconds(violation.At)} {violation.Kind}: {violation.Sentence}");
            foreach (string undecided in result.Undecided.Take(5))
                output.WriteLine($"  undecided: {undecided}");
        }
        foreach (var floor in verdict.Floors)
            output.WriteLine($"{(floor.IsMet ? "  " : "! ")}{floor.Name}: {floor.Count}, at least {floor.Least}");
        if (verdict.IsTorn)
            output.WriteLine("the history is torn at its end: the run was killed; what there is was checked");
        else if (!verdict.IsComplete)
            output.WriteLine("the run did not come to its end; what there is was checked");
        output.WriteLine($"verdict: {verdict.Word}");
    }

    public static string ToJson(Verdict verdict) => new JsonObject
    {
        ["verdict"] = verdict.Word,
        ["isPassed"] = verdict.IsPassed,
        ["isComplete"] = verdict.IsComplete,
        ["isTorn"] = verdict.IsTorn,
        ["floors"] = new JsonArray([.. verdict.Floors.Select(floor => new JsonObject
        {
            ["name"] = floor.Name, ["count"] = floor.Count, ["least"] = floor.Least, ["isMet"] = floor.IsMet,
        })]),
        ["checkers"] = new JsonArray([.. verdict.Results.Select(ToJson)]),
    }.ToJsonString(Indented);

    private static JsonObject ToJson(CheckResult result) => new()
    {
        ["name"] = result.Checker,
        ["isPassed"] = result.IsPassed,
        ["violationCount"] = result.ViolationCount,
        ["seconds"] = Math.Round(result.Elapsed.TotalSeconds, 3),
        ["figures"] = new JsonObject(result.Figures.Select(figure => KeyValuePair.Create(figure.Key, (JsonNode?)figure.Value))),
        ["undecided"] = new JsonArray([.. result.Undecided.Select(sentence => JsonValue.Create(sentence))]),
        ["violations"] = new JsonArray([.. result.Violations.Select(violation => new JsonObject
        {
            ["kind"] = violation.Kind,
            ["atSeconds"] = Math.Round(violation.At / 1e9, 6),
            ["sentence"] = violation.Sentence,
            ["operations"] = new JsonArray([.. violation.Evidence.Where(evidence => evidence.Operation >= 0).Select(evidence =>
                JsonValue.Create(evidence.Operation))]),
            ["streams"] = new JsonArray([.. violation.Evidence.Where(evidence => evidence.Stream > 0).Select(evidence =>
                JsonValue.Create(evidence.Stream))]),
        })]),
    };

    private static string Figures(CheckResult result) => string.Join(", ",
        result.Figures.Select(figure => $"{figure.Value} {figure.Key}"));
}
