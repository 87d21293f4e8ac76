namespace KvStore.Benchmarks.Scenarios;

/// <summary>A part of the benchmark that starts its own servers, measures them in turn and ends them.</summary>
internal abstract class Scenario(string name, string description)
{
    public string Name { get; } = name;

    public string Description { get; } = description;

    public abstract void Run(ScenarioContext context);
}
