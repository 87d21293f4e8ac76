using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Printing;

namespace Orchestrator.Api.Tests.Printing;

public sealed class PodSummaryTests
{
    private const string Running = "'state':{'running':{}},'ready':true";

    [Theory]
    [InlineData("{'phase':'Pending'}", "0/1 Pending 0")]
    [InlineData("{'phase':'Failed','reason':'Evicted'}", "0/1 Evicted 0")]
    [InlineData("{'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False','reason':'SchedulingGated'}]}", "0/1 SchedulingGated 0")]
    [InlineData("{'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False','reason':'Unschedulable'}]}", "0/1 Pending 0")]
    [InlineData("{'phase':'Pending','containerStatuses':[{'name':'c','state':{'waiting':{'reason':'ContainerCreating'}}}]}", "0/1 ContainerCreating 0")]
    [InlineData("{'phase':'Running','containerStatuses':[{'name':'c'," + Running + "}]}", "1/1 Running 0")]
    [InlineData("{'phase':'Running','containerStatuses':[{'name':'c','state':{'running':{}},'ready':false}]}", "0/1 Running 0")]
    [InlineData("{'phase':'Running','containerStatuses':[{'name':'c','restartCount':7,'state':{'waiting':{'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{'finishedAt':'2026-01-02T11:55:00Z'}}}]}", "0/1 CrashLoopBackOff 7 (5m ago)")]
    [InlineData("{'phase':'Running','containerStatuses':[{'name':'c','restartCount':2," + Running + "}]}", "1/1 Running 2")]
    [InlineData("{'phase':'Pending','containerStatuses':[{'name':'c','state':{'waiting':{'reason':'ImagePullBackOff'}}}]}", "0/1 ImagePullBackOff 0")]
    [InlineData("{'phase':'Succeeded','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':0,'reason':'Completed'}}}]}", "0/1 Completed 0")]
    [InlineData("{'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':1,'reason':'Error'}}}]}", "0/1 Error 0")]
    [InlineData("{'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':137,'reason':'OOMKilled'}}}]}", "0/1 OOMKilled 0")]
    [InlineData("{'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':3}}}]}", "0/1 ExitCode:3 0")]
    [InlineData("{'phase':'Failed','containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':3,'signal':9}}}]}", "0/1 Signal:9 0")]
    public void A_pods_state_is_one_word(string status, string expected) => Assert.Equal(expected, Show("{}", status));

    [Theory]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','state':{'running':{}}},{'name':'b','state':{'waiting':{'reason':'PodInitializing'}}}]}", "0/1 Init:0/2 0")]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','state':{'terminated':{'exitCode':0}}},{'name':'b','state':{'waiting':{'reason':'PodInitializing'}}}]}", "0/1 Init:1/2 0")]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','state':{'terminated':{'exitCode':2,'reason':'Error'}}},{'name':'b'}]}", "0/1 Init:Error 0")]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','state':{'terminated':{'exitCode':2}}},{'name':'b'}]}", "0/1 Init:ExitCode:2 0")]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','state':{'terminated':{'exitCode':2,'signal':15}}},{'name':'b'}]}", "0/1 Init:Signal:15 0")]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','restartCount':4,'state':{'waiting':{'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{'finishedAt':'2026-01-02T11:59:30Z'}}},{'name':'b'}]}", "0/1 Init:CrashLoopBackOff 4 (30s ago)")]
    [InlineData("{'phase':'Running','initContainerStatuses':[{'name':'a','restartCount':4,'state':{'terminated':{'exitCode':0}}},{'name':'b','state':{'terminated':{'exitCode':0}}}],'containerStatuses':[{'name':'c'," + Running + "}]}", "1/1 Running 0")]
    public void The_first_init_container_that_has_not_succeeded_speaks_for_the_pod(string status, string expected) =>
        Assert.Equal(expected, Show("{'initContainers':[{'name':'a'},{'name':'b'}],'containers':[{'name':'c'}]}", status));

    [Theory]
    [InlineData("{'phase':'Running','initContainerStatuses':[{'name':'a','started':true," + Running + ",'restartCount':1}],'containerStatuses':[{'name':'c'," + Running + "}]}", "2/2 Running 1")]
    [InlineData("{'phase':'Pending','initContainerStatuses':[{'name':'a','started':false,'state':{'running':{}}}]}", "0/2 Init:0/1 0")]
    public void A_sidecar_counts_as_a_container(string status, string expected) =>
        Assert.Equal(expected, Show("{'initContainers':[{'name':'a','restartPolicy':'Always'}],'containers':[{'name':'c'}]}", status));

    [Theory]
    [InlineData("'conditions':[{'type':'Ready','status':'True'}],", "1/2 Running 0")]
    [InlineData("'conditions':[{'type':'Ready','status':'False'}],", "1/2 NotReady 0")]
    public void A_completed_container_beside_a_running_one_is_not_the_end(string conditions, string expected) => Assert.Equal(expected, Show(
        "{'containers':[{'name':'c'},{'name':'d'}]}",
        "{'phase':'Running'," + conditions + "'containerStatuses':[{'name':'c','state':{'terminated':{'reason':'Completed','exitCode':0}}},{'name':'d'," + Running + "}]}"));

    [Fact]
    public void The_first_containers_reason_wins() => Assert.Equal("0/2 ErrImagePull 0", Show(
        "{'containers':[{'name':'c'},{'name':'d'}]}",
        "{'phase':'Pending','containerStatuses':[{'name':'c','state':{'waiting':{'reason':'ErrImagePull'}}},{'name':'d','state':{'waiting':{'reason':'ContainerCreating'}}}]}"));

    [Theory]
    [InlineData("{'phase':'Running'}", "0/1 Terminating 0")]
    [InlineData("{'phase':'Running','reason':'NodeLost'}", "0/1 Unknown 0")]
    public void A_pod_that_is_deleted_says_so(string status, string expected) =>
        Assert.Equal(expected, Show("{'containers':[{'name':'c'}]}", status, "'deletionTimestamp':'2026-01-02T11:59:00Z',"));

    private static string Show(string spec, string status, string metadata = "")
    {
        var pod = Documents.Read<Pod>(
            "{'apiVersion':'v1','kind':'Pod','metadata':{" + metadata + "'name':'p'},'spec':" + spec + ",'status':" + status + "}");
        if (pod.Spec.Containers is null)
            pod.Spec.Containers = [new Container { Name = "c" }];
        var summary = PodSummary.Of(pod);
        return $"{summary.ReadyContainers}/{summary.TotalContainers} {summary.Status} {summary.Restarts(Documents.Now)}";
    }
}
