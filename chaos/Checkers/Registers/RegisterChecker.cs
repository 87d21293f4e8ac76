using Google.Protobuf;
using KvStore.Chaos.Checkers.Store;
using KvStore.Chaos.History;
using KvStore.Protocol;

namespace KvStore.Chaos.Checkers.Registers;

/// <summary>Each register is linearizable by its values alone: independent of the revisions that the store gives.</summary>
internal static class RegisterChecker
{
    public const string Name = "registers";
    public const string Prefix = "r/";

    /// <summary>Some seconds; 200 operations of 10 clients take a thousandth of it.</summary>
    private const long StepLimit = 5_000_000;

    private static readonly KeyInterval Registers = KeyInterval.Prefix(Prefix);

    public static CheckResult Check(RunHistory history)
    {
        var result = new CheckResult(Name);
        foreach (var register in Split(history, result))
        {
            register.Complete();
            Check(register, result);
        }
        return result;
    }

    private static void Check(RegisterHistory register, CheckResult result)
    {
        string name = Wording.Of(register.Key);
        result.Count("registers");
        result.Count("operations", register.Operations.Count);
        if (register.Unfit is not null)
        {
            result.LeaveUndecided($"register {name}: {Wording.Of(register.Unfit)} is no request on a register");
            return;
        }
        switch (Linearization.Search(register.Operations, StepLimit, out var blocked))
        {
            case LinearizationResult.Undecided:
                result.LeaveUndecided($"register {name} with {register.Operations.Count} operations: no order found and none excluded in {StepLimit} steps");
                break;
            case LinearizationResult.None:
                result.Violate("not linearizable",
                    $"register {name} is not linearizable: no order of its {register.Operations.Count} operations fits all answers; "
                    + $"the longest order ends before {Wording.Of(blocked!.Operation)}", blocked.Operation.ReturnedAt,
                        Evidence.Of(blocked.Operation));
                break;
        }
    }

    private static IEnumerable<RegisterHistory> Split(RunHistory history, CheckResult result)
    {
        var registers = new Dictionary<ByteString, RegisterHistory>();
        foreach (var operation in history.Operations)
        {
            foreach (var key in KeysOf(operation.Request).Distinct())
            {
                if (!Registers.Contains(key))
                    continue;
                if (!registers.TryGetValue(key, out var register))
                    registers.Add(key, register = new RegisterHistory(key));
                register.Add(operation);
            }
            if (operation.Outcome != Outcome.Failed && operation.Request.Deletes().Any(Reaches))
                result.LeaveUndecided($"{Wording.Of(operation)} deletes more than one register");
        }
        return registers.Values;
    }

    /// <summary>More than one register at a time.</summary>
    private static bool Reaches(DeleteRangeRequest delete)
    {
        var interval = new KeyInterval(delete.Key, delete.RangeEnd);
        return !interval.IsSingle && (interval.IsOpen || KeyInterval.Compare(interval.End, Registers.Key) > 0)
            && KeyInterval.Compare(interval.Key, Registers.End) < 0;
    }

    private static IEnumerable<ByteString> KeysOf(Request request) => request.RpcCase switch
    {
        Request.RpcOneofCase.Range when request.Range.RangeEnd.IsEmpty => [request.Range.Key],
        Request.RpcOneofCase.Put => [request.Put.Key],
        Request.RpcOneofCase.DeleteRange when request.DeleteRange.RangeEnd.IsEmpty => [request.DeleteRange.Key],
        Request.RpcOneofCase.Txn => request.Txn.Compare.Select(compare =>
            compare.Key).Concat(request.Puts().Select(put => put.Key))
            .Concat(request.Deletes().Select(delete => delete.Key)),
        _ => [],
    };
}
