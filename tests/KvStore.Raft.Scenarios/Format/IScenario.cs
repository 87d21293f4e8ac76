namespace KvStore.Raft.Scenarios;

/// <summary>Runs the directives of one file, one after the other.</summary>
public interface IScenario
{
    /// <exception cref="ScenarioException">The directive makes no sense.</exception>
    string Run(Directive directive);
}
