using System.Reflection;
using KvStore.Mvcc.Errors;

namespace KvStore.Mvcc.Tests.Errors;

public class EtcdErrorTests
{
    private static readonly EtcdError[] All =
        [.. typeof(EtcdError).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (EtcdError)field.GetValue(null)!)];

    [Theory]
    [InlineData(StatusCode.InvalidArgument, "etcdserver: key is not provided")]
    [InlineData(StatusCode.InvalidArgument, "etcdserver: duplicate key given in txn request")]
    [InlineData(StatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted")]
    [InlineData(StatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision")]
    [InlineData(StatusCode.OutOfRange, "etcdserver: too large lease TTL")]
    [InlineData(StatusCode.NotFound, "etcdserver: requested lease not found")]
    [InlineData(StatusCode.FailedPrecondition, "etcdserver: lease already exists")]
    [InlineData(StatusCode.ResourceExhausted, "etcdserver: mvcc: database space exceeded")]
    [InlineData(StatusCode.DataLoss, "etcdserver: corrupt cluster")]
    [InlineData(StatusCode.Unavailable, "etcdserver: request timed out, waiting for the applied index took too long")]
    [InlineData(StatusCode.Unknown, "not a primary lessor")]
    public void A_refusal_has_the_code_and_the_text_that_clients_compare(StatusCode code, string text)
    {
        Assert.Equal(code, Assert.Single(All, error => error.Text == text).Code);
    }

    [Fact]
    public void No_two_refusals_have_the_same_text()
    {
        Assert.Equal(All.Length, All.Select(error => error.Text).Distinct().Count());
    }

    [Fact]
    public void Every_text_but_those_that_etcd_leaves_bare_starts_with_its_prefix()
    {
        Assert.All(
            All.Where(error => error.Code is not (StatusCode.Unknown or StatusCode.DeadlineExceeded) && !error.Text.StartsWith("mvcc: ")),
            error => Assert.StartsWith("etcdserver: ", error.Text));
    }
}
