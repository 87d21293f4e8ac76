namespace KvStore.Compatibility.Tests.Requests;

/// <summary>What one server was asked, and what it answered, step by step.</summary>
internal sealed class Transcript
{
    private readonly List<Step> _steps = [];

    public int Count => _steps.Count;

    public string Last => _steps.Count == 0 ? "none" : _steps[^1].ToString();

    public void Add(string request, string answer) => _steps.Add(new Step(request, answer));

    /// <summary>Fails at the first steps that differ, and shows them.</summary>
    public static void AssertEqual(Transcript etcd, Transcript kvStore)
    {
        const int shownDifferences = 10;
        var differences = new List<string>();
        for (int step = 0; step < Math.Max(etcd.Count, kvStore.Count) && differences.Count < shownDifferences; step++)
        {
            var expected = step < etcd.Count ? etcd._steps[step] : Step.None;
            var actual = step < kvStore.Count ? kvStore._steps[step] : Step.None;
            if (expected != actual)
                differences.Add($"step {step + 1}\n{Show(expected, actual)}");
        }
        if (differences.Count > 0)
            Assert.Fail($"{differences.Count} steps differ:\n\n{string.Join("\n\n", differences)}\n");
        Assert.NotEqual(0, kvStore.Count);
    }

    private static string Show(Step etcd, Step kvStore)
    {
        string request = etcd.Request == kvStore.Request ? etcd.Request : $"{etcd.Request}  |  {kvStore.Request}";
        return $"  request: {request}\n  etcd:    {etcd.Answer}\n  kvstore: {kvStore.Answer}";
    }

    private sealed record Step(string Request, string Answer)
    {
        public static readonly Step None = new("(no such step)", "");
    }
}
