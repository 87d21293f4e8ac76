using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>Some of what a member sends and gets is lost, or some of everything.</summary>
internal sealed class Loss : LossFault
{
    public const string Kind = "loss";

    private readonly int _percent;
    private readonly RigMember? _member;

    public Loss(FaultContext context) : base(context, Kind)
    {
        _percent = context.Random.Next(5, 60);
        _member = context.Random.Next(3) == 0 ? null : context.AnyMember();
    }

    public override string Detail => $"{_percent} %";

    public override IReadOnlyList<RigMember> Disrupts => _member is null ? Context.Members : [_member];

    protected override IEnumerable<DropRule> Draw() =>
        from one in Context.Members
        from other in Context.Members
        where one != other && (_member is null || one == _member || other == _member)
        select new DropRule(one.PeerPort, other.PeerPort, _percent);
}
