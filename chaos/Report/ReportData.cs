using System.Text.Json;
using KvStore.Chaos.Checkers;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;

namespace KvStore.Chaos.Report;

/// <summary>What the picture is drawn from, as JSON: columns instead of objects, times in microseconds.</summary>
internal sealed class ReportData(RunHistory history, RunDescription description, Verdict verdict)
{
    /// <summary>Beyond it only what went wrong keeps its words: they are most of the file.</summary>
    private const int WordedOperationsLimit = 300_000;

    private const int TextLimit = 240;
    private const int AnswersOfWatchLimit = 2_000;

    private readonly HashSet<long> _evidence = [.. verdict.Results.SelectMany(result => result.Violations)
        .SelectMany(violation => violation.Evidence).Where(evidence => evidence.Operation >= 0).Select(evidence =>
            evidence.Operation)];

    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            WriteRun(json);
            WriteVerdict(json);
            WriteOperations(json);
            WriteWatches(json);
            WriteMembers(json);
            WriteFaults(json);
            WriteRecoveries(json);
            WriteSeries(json);
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static long Micro(long nanoseconds) => nanoseconds / 1000;

    private void WriteRun(Utf8JsonWriter json)
    {
        json.WriteNumber("seed", description.Seed);
        json.WriteNumber("minutes", description.Minutes);
        json.WriteNumber("memberCount", description.MemberCount);
        json.WriteString("server", description.ServerCommand);
        json.WriteString("command", description.Command);
        json.WriteNumber("end", Micro(history.EndedAt));
    }

    private void WriteVerdict(Utf8JsonWriter json)
    {
        json.WriteString("verdict", verdict.Word);
        json.WriteStartArray("floors");
        foreach (var floor in verdict.Floors)
            WriteRow(json, floor.Name, floor.Count, floor.Least);
        json.WriteEndArray();
        json.WriteStartArray("checkers");
        foreach (var result in verdict.Results)
            WriteRow(json, result.Checker, result.ViolationCount, result.Undecided.Count,
                string.Join(", ", result.Figures.Select(figure => $"{figure.Value} {figure.Key}")));
        json.WriteEndArray();
        json.WriteStartArray("violations");
        foreach (var violation in verdict.Results.SelectMany(result => result.Violations).OrderBy(violation => violation.At))
        {
            json.WriteStartObject();
            json.WriteString("checker", violation.Checker);
            json.WriteString("kind", violation.Kind);
            json.WriteString("sentence", violation.Sentence);
            json.WriteNumber("at", Micro(violation.At));
            WriteNumbers(json, "operations", violation.Evidence.Where(evidence => evidence.Operation >= 0).Select(evidence =>
                evidence.Operation));
            WriteNumbers(json, "streams", violation.Evidence.Where(evidence => evidence.Stream > 0).Select(evidence =>
                (long)evidence.Stream));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteOperations(Utf8JsonWriter json)
    {
        var lanes = ClientLanes(out int laneCount);
        var operations = history.Operations.OrderBy(operation => operation.CalledAt).ToList();
        bool isWorded = operations.Count <= WordedOperationsLimit;
        json.WriteStartObject("operations");
        json.WriteNumber("lanes", laneCount);
        WriteNumbers(json, "id", operations.Select(operation => operation.Id));
        WriteNumbers(json, "client", operations.Select(operation => (long)operation.Client));
        WriteNumbers(json, "lane", operations.Select(operation => (long)lanes[operation.Client]));
        WriteNumbers(json, "at", operations.Select(operation => Micro(operation.CalledAt)));
        WriteNumbers(json, "lasts", operations.Select(operation => Micro(operation.ReturnedAt - operation.CalledAt)));
        WriteNumbers(json, "outcome", operations.Select(operation => (long)operation.Outcome));
        json.WriteStartArray("text");
        foreach (var operation in operations)
            json.WriteStringValue(isWorded || operation.Outcome != Outcome.Ok || _evidence.Contains(operation.Id)
                ? Describe(operation) : "");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>A client that takes the place of another takes its lane.</summary>
    private Dictionary<int, int> ClientLanes(out int laneCount)
    {
        var assignment = new LaneAssignment();
        var lanes = history.Operations.GroupBy(operation => operation.Client)
            .Select(client => (Client: client.Key, From: client.Min(operation => operation.CalledAt),
                To: client.Max(operation => operation.ReturnedAt)))
            .OrderBy(client => client.From).ToDictionary(client => client.Client, client =>
                assignment.Take(client.From, client.To));
        laneCount = assignment.Count;
        return lanes;
    }

    private static string Describe(Operation operation)
    {
        string answer = operation.Outcome switch
        {
            Outcome.Ok => Cut(operation.Response.ToString()),
            Outcome.Failed => $"refused: {operation.ErrorText}",
            _ => $"unknown: {operation.ErrorText}",
        };
        return $"{Wording.Of(operation)} at {operation.Member}\n{Cut(operation.Request.ToString())}\n{answer}";
    }

    private static string Cut(string text) => text.Length <= TextLimit ? text : text[..TextLimit] + "…";

    private void WriteWatches(Utf8JsonWriter json)
    {
        var assignment = new LaneAssignment();
        json.WriteStartArray("watches");
        foreach (var watch in history.Watches.OrderBy(watch => watch.SentAt))
        {
            long end = Math.Min(watch.EndedAt, history.EndedAt);
            json.WriteStartObject();
            json.WriteNumber("lane", assignment.Take(watch.SentAt, end));
            json.WriteNumber("stream", watch.Stream);
            json.WriteNumber("from", Micro(watch.SentAt));
            json.WriteNumber("to", Micro(end));
            json.WriteString("text",
                $"{watch} of {Wording.Of(new KeyInterval(watch.Request.Key, watch.Request.RangeEnd))} from {watch.Request.StartRevision}, client {watch.Client}"
                + (watch.Resumes is null ? "" : $"; goes on from stream {watch.Resumes.Stream} ({watch.Resumes.Member})"));
            var answers = watch.Responses.Take(AnswersOfWatchLimit).ToList();
            WriteNumbers(json, "answers", answers.Select(received => Micro(received.At)));
            // 0 bookmark, n events, -1 created, -2 ended.
            WriteNumbers(json, "events", answers.Select(received => received.Response.Canceled ? -2 : received.Response.Created
                ? -1 : (long)received.Response.Events.Count));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteMembers(Utf8JsonWriter json)
    {
        var observations = history.Observations.ToLookup(observed => observed.Member);
        var processes = history.Processes.ToLookup(process => process.Member);
        json.WriteStartArray("members");
        foreach (string member in history.Members.Concat(observations.Select(group => group.Key)).Concat(processes.Select(group =>
            group.Key)).Distinct().Order(StringComparer.Ordinal))
        {
            json.WriteStartObject();
            json.WriteString("name", member);
            json.WriteStartArray("seen");
            foreach (var observed in observations[member])
                WriteRow(json, Micro(observed.At), (long)observed.Role, (long)observed.Term, observed.Revision);
            json.WriteEndArray();
            json.WriteStartArray("changes");
            foreach (var process in processes[member])
                WriteRow(json, Micro(process.At), process.Kind.ToString(), process.Detail, process.ExitCode);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteFaults(Utf8JsonWriter json)
    {
        var assignment = new LaneAssignment();
        json.WriteStartArray("faults");
        foreach (var fault in history.Faults.OrderBy(fault => fault.From))
        {
            long end = Math.Min(fault.To, history.EndedAt);
            WriteRow(json, assignment.Take(fault.From, end), Micro(fault.From), Micro(end), fault.Injected.Name,
                string.Join(" ", fault.Injected.Targets),
                fault.Injected.Detail, fault.IsEffective ? 1 : 0, fault.Healed?.Evidence ?? "never healed");
        }
        json.WriteEndArray();
        json.WriteStartArray("notes");
        foreach (var note in history.Notes)
            WriteRow(json, Micro(note.At), note.Member, note.Text);
        json.WriteEndArray();
    }

    private void WriteRecoveries(Utf8JsonWriter json)
    {
        json.WriteStartArray("recoveries");
        foreach (var recovered in history.Recoveries)
            WriteRow(json, Micro(recovered.From), Micro(recovered.To), recovered.Name, recovered.Member);
        json.WriteEndArray();
    }

    /// <summary>By the second: answers, refusals and unknown outcomes; the highest revision so far.</summary>
    private void WriteSeries(Utf8JsonWriter json)
    {
        int seconds = (int)(history.EndedAt / 1_000_000_000) + 1;
        var counts = new long[3][];
        for (int outcome = 0; outcome < counts.Length; outcome++)
            counts[outcome] = new long[seconds];
        var revisions = new long[seconds];
        foreach (var operation in history.Operations)
        {
            int second = (int)(operation.ReturnedAt / 1_000_000_000);
            counts[(int)operation.Outcome][second]++;
            revisions[second] = Math.Max(revisions[second], operation.Revision());
        }
        for (int second = 1; second < seconds; second++)
            revisions[second] = Math.Max(revisions[second], revisions[second - 1]);
        WriteNumbers(json, "unknown", counts[(int)Outcome.Unknown]);
        WriteNumbers(json, "ok", counts[(int)Outcome.Ok]);
        WriteNumbers(json, "failed", counts[(int)Outcome.Failed]);
        WriteNumbers(json, "revisions", revisions);
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    private static void WriteRow(Utf8JsonWriter json, params ReadOnlySpan<object> values)
    {
        json.WriteStartArray();
        foreach (object value in values)
        {
            if (value is string text)
                json.WriteStringValue(text);
            else
                json.WriteNumberValue(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
        }
        json.WriteEndArray();
    }
}
