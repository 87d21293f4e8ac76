namespace KvStore.Raft;

public enum ConfChangeType
{
    AddNode = 0,
    RemoveNode = 1,

    /// <summary>Changes nothing here: it carries the application's news about a member.</summary>
    UpdateNode = 2,
    AddLearnerNode = 3,
}
