using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>No client reaches the member; its peers do.</summary>
internal sealed class ClientCut(FaultContext context) : LossFault(context, ClientCut.Kind)
{
    public const string Kind = "client-cut";

    public override IEnumerable<string> Claims => [];

    protected override IEnumerable<DropRule> Draw()
    {
        return CutClients(Context.AnyMember());
    }
}
